package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/auditentry"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/audit"
	"github.com/convenehq/convene/internal/config"
	"github.com/convenehq/convene/internal/profile"
)

type auditCommand struct {
	Account string        `placeholder:"@NAME" help:"Only what this account did or had done to it: @username, e-mail address, or global id."`
	Since   time.Duration `placeholder:"24h" help:"Only what is not older."`
	Limit   int           `default:"200" help:"How many entries at most."`
}

// Run shows who did what to whom.
func (a auditCommand) Run(ctx context.Context, c config.Config) error {
	return asOperator(ctx, c, func(ctx context.Context, o office) error {
		if a.Limit < 1 {
			return fmt.Errorf("--limit is %d and has to be at least 1", a.Limit)
		}
		filter := audit.Filter{Limit: a.Limit}
		if a.Since > 0 {
			filter.Since = time.Now().Add(-a.Since)
		}
		if a.Account != "" {
			found, err := o.accounts.Find(ctx, a.Account)
			if err != nil {
				return err
			}
			filter.Account = found.ID
		}
		rows, err := audit.List(ctx, o.db.Ent, filter)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			say("There is nothing in the audit log of that.")
			return nil
		}
		cards, err := o.profiles.Cards(ctx, people(rows))
		if err != nil {
			return err
		}
		return printAudit(os.Stdout, rows, cards)
	})
}

// people are all accounts that entries name.
func people(rows []*ent.AuditEntry) []uuid.UUID {
	all := map[uuid.UUID]bool{}
	for _, row := range rows {
		for _, id := range []*uuid.UUID{row.ActorID, row.AccountID} {
			if id != nil {
				all[*id] = true
			}
		}
	}
	return slices.Collect(maps.Keys(all))
}

func printAudit(to io.Writer, rows []*ent.AuditEntry, cards map[uuid.UUID]*profile.ProfileCard) error {
	// An account that is gone has its id for a name.
	name := func(id *uuid.UUID) string {
		switch {
		case id == nil:
			return ""
		case cards[*id] != nil:
			return "@" + cards[*id].Username
		}
		return string(relay.NewID(ent.AccountPrefix, *id))
	}
	w := table(to, "WHEN", "WHO", "DID", "TO", "WHAT CHANGED", "REQUEST")
	for _, row := range rows {
		who := strings.ToLower(string(row.ActorKind))
		if row.ActorKind == auditentry.ActorKindPERSON {
			who = name(row.ActorID)
		}
		whom := name(row.AccountID)
		if row.TargetKind != ent.AccountPrefix {
			target := row.TargetKind
			if row.TargetID != nil {
				target = string(relay.NewID(target, *row.TargetID))
			}
			whom = strings.TrimSpace(whom + " " + target)
		}
		cells(w, moment(row.CreatedAt), who, row.Action, whom, changes(row.Diff), row.RequestID)
	}
	return w.Flush()
}

// changes are those of an entry in one line. What people wrote can not move the terminal's cursor.
func changes(diff map[string]any) string {
	var all []string
	for _, field := range slices.Sorted(maps.Keys(diff)) {
		change, ok := diff[field].(map[string]any)
		if !ok {
			all = append(all, fmt.Sprintf("%s %v", field, diff[field]))
			continue
		}
		all = append(all, fmt.Sprintf("%s %s → %s", field, value(change["from"]), value(change["to"])))
	}
	return strings.Join(all, ", ")
}

func value(v any) string {
	text, ok := v.(string)
	if !ok {
		encoded, _ := json.Marshal(v) // it came from JSON
		return string(encoded)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || r == ' ' }) {
		return strconv.Quote(text)
	}
	return text
}
