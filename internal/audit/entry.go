package audit

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Kept is for how long an entry is kept, as ent/schema declares: a year, and time to look into what was
// noticed at its end.
const Kept = 400 * 24 * time.Hour

// An Entry is what a use case says of its change. Who did it, and in which request, is in the context.
type Entry struct {
	Action Action
	Target Target
	// Account is whom it concerns; the zero id for nobody.
	Account uuid.UUID
	// Diff is what changed, by the names of the fields.
	Diff Diff
	// At is when; the zero time means now.
	At time.Time
}

// A Target is what was changed.
type Target struct {
	// Kind is the prefix of the row's global id, such as ent.AccountPrefix; for what is no row, a noun.
	Kind string
	// ID is the row; the zero id if there is none.
	ID uuid.UUID
}

// Diff is what changed, by the names of the fields.
type Diff map[string]Change

// A Change is what became of a field. It is made by [FromTo] and [Hidden].
type Change struct {
	from, to any
	isHidden bool
}

// FromTo is a change that may be read.
func FromTo(from, to any) Change { return Change{from: from, to: to} }

// Hidden is the change of a secret: that it changed, and nothing else.
func Hidden() Change { return Change{isHidden: true} }

// MarshalJSON writes {"from": …, "to": …}, or "changed".
func (c Change) MarshalJSON() ([]byte, error) {
	if c.isHidden {
		return []byte(`"changed"`), nil
	}
	return json.Marshal(struct {
		From any `json:"from"`
		To   any `json:"to"`
	}{c.from, c.to})
}

// secrets are words in the names of fields whose values are nobody's to read.
var secrets = []string{"password", "hash", "token", "secret", "cookie", "credential", "mac"}

// check refuses an entry that shows a secret or says nothing. It is the last line: who writes an entry is to
// think of it, and a test of each use case looks.
func (e Entry) check() error {
	if e.Action == "" || e.Target.Kind == "" {
		return fmt.Errorf("an entry says what was done (%q) and to what (%q)", e.Action, e.Target.Kind)
	}
	for name, change := range e.Diff {
		for _, secret := range secrets {
			if !change.isHidden && strings.Contains(strings.ToLower(name), secret) {
				return fmt.Errorf("%s shows %s, which is a secret: use Hidden", e.Action, name)
			}
		}
	}
	return nil
}
