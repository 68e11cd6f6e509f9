package invite_test

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/invite"
	"github.com/convenehq/convene/internal/profile"
	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/testkit/node"
	"github.com/convenehq/convene/internal/token"
	"github.com/convenehq/convene/internal/viewer"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// A house is a database of one's own with the slice on it, and the clock that the slice goes by.
type house struct {
	t        testing.TB
	url      string
	db       *db.DB
	clock    *clock
	invites  *invite.Service
	accounts *account.Service
}

func newHouse(t testing.TB, o invite.Options) *house {
	t.Helper()
	// In whole seconds, so that days can be counted on it.
	return onDatabase(t, testkit.DatabaseURL(t), &clock{now: time.Now().Truncate(time.Second)}, o)
}

// onDatabase is a node on a database. All sign with the same secret.
func onDatabase(t testing.TB, url string, c *clock, o invite.Options) *house {
	t.Helper()
	d := testkit.Open(t, url)
	ring, err := token.NewRing([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	o.Clock = c.Now
	if o.URL == "" {
		o.URL = "https://convene.example"
	}
	facts := node.Facts(d)
	profiles := profile.New(d, facts)
	h := &house{t: t, url: url, db: d, clock: c, invites: invite.New(d, ring, profiles, facts, o)}
	h.accounts = account.New(d, ring, profiles, facts, account.Options{Clock: c.Now, Invites: h.invites})
	return h
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (h *house) person(name string) uuid.UUID {
	h.t.Helper()
	return testkit.Person(h.t, h.db, name)
}

func (h *house) as(id uuid.UUID) context.Context {
	h.t.Helper()
	return testkit.As(h.t, id)
}

func (h *house) system() context.Context { return viewer.AsSystem(h.t.Context(), "test") }

func (h *house) exec(statement string, args ...any) {
	h.t.Helper()
	if _, err := h.db.SQL.ExecContext(h.t.Context(), statement, args...); err != nil {
		h.t.Fatal(err)
	}
}

// code is a new code of somebody's.
func (h *house) code(of uuid.UUID, uses, days int) *invite.Created {
	h.t.Helper()
	made, err := h.invites.CreateCode(h.as(of), invite.CreateInviteCodeInput{MaxUses: uses, ValidForDays: days})
	if err != nil {
		h.t.Fatal(err)
	}
	return made
}

// join registers somebody with a code.
func (h *house) join(name, code string) (*account.SignedIn, error) {
	in := account.RegisterInput{Username: name, Email: name + "@example.com", Password: "correct horse battery"}
	if code != "" {
		in.InviteCode = &code
	}
	return h.accounts.Register(h.t.Context(), in)
}

// invitedBy is who let an account in; the zero id if nobody.
func (h *house) invitedBy(id uuid.UUID) uuid.UUID {
	h.t.Helper()
	row, err := h.db.Ent.Account.Get(h.system(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	if row.InvitedBy == nil {
		return uuid.Nil
	}
	return *row.InvitedBy
}

// refused is the code and the field of a refusal, of whichever slice; empty if there was none.
func refused(err error) string {
	var ours *invite.InviteUserError
	var theirs *account.AccountUserError
	switch {
	case errors.As(err, &ours):
		return strings.TrimSpace(string(ours.Code) + " " + strings.Join(ours.Field, "."))
	case errors.As(err, &theirs):
		return strings.TrimSpace(string(theirs.Code) + " " + strings.Join(theirs.Field, "."))
	}
	return ""
}

func faulted(err error) fault.Code {
	var known *fault.Error
	if errors.As(err, &known) {
		return known.Code
	}
	return ""
}

func TestCreateCode(t *testing.T) {
	t.Parallel()
	h := newHouse(t, invite.Options{})
	ada := h.person("ada")

	t.Run("a code is shown once, and stored as a hash", func(t *testing.T) {
		t.Parallel()
		made := h.code(ada, 3, 14)
		if len(made.Code) != 24 || made.URL != "https://convene.example/r/"+made.Code || made.Row.Hint != made.Code[:4] {
			t.Errorf("got %+v", made)
		}
		plain, ok := invite.ReadCode(made.Code)
		if !ok {
			t.Fatalf("%s is no code", made.Code)
		}
		var found bool
		err := h.db.SQL.QueryRowContext(t.Context(), `SELECT EXISTS (SELECT 1 FROM invite_codes c
			WHERE position($1 in c::text) > 0 OR position($2 in c::text) > 0 OR position($3 in c::text) > 0)`,
			made.Code, plain, hex.EncodeToString([]byte(plain))).Scan(&found)
		if err != nil || found {
			t.Errorf("the code is in its row: %v, %v", found, err)
		}
		if ends := made.Row.ExpiresAt.Sub(made.Row.CreatedAt); ends != 14*24*time.Hour || h.invites.CodeStateOf(made.Row) != invite.CodeStateActive {
			t.Errorf("it lasts %v and is %s", ends, h.invites.CodeStateOf(made.Row))
		}
	})
	t.Run("a repetition with the same key answers the same code, and one with another input is told so", func(t *testing.T) {
		t.Parallel()
		bob, eve := h.person("bob"), h.person("eve")
		in := invite.CreateInviteCodeInput{MaxUses: 2, ValidForDays: 7, IdempotencyKey: new("one")}
		codes := make([]string, 10)
		var wait sync.WaitGroup
		for i := range codes {
			wait.Go(func() {
				made, err := h.invites.CreateCode(h.as(bob), in)
				if err != nil {
					t.Error(err)
					return
				}
				codes[i] = made.Code + " " + made.URL + " " + made.Row.ID.String()
			})
		}
		wait.Wait()
		for _, code := range codes {
			if code != codes[0] {
				t.Fatalf("got %v", codes)
			}
		}
		if other, err := h.invites.CreateCode(h.as(eve), in); err != nil || strings.HasPrefix(codes[0], other.Code) {
			t.Errorf("another's key: got %v, %v", other, err)
		}
		in.MaxUses = 3
		if _, err := h.invites.CreateCode(h.as(bob), in); faulted(err) != fault.CodeIdempotencyKeyReused {
			t.Errorf("another input: got %v", err)
		}
	})
	t.Run("refuses what no code is, all at once", func(t *testing.T) {
		t.Parallel()
		for in, want := range map[invite.CreateInviteCodeInput]string{
			{MaxUses: 0, ValidForDays: 1}:   "MAX_USES_INVALID input.maxUses",
			{MaxUses: 101, ValidForDays: 1}: "MAX_USES_INVALID input.maxUses",
			{MaxUses: 1, ValidForDays: 0}:   "VALIDITY_INVALID input.validForDays",
			{MaxUses: 1, ValidForDays: 91}:  "VALIDITY_INVALID input.validForDays",
		} {
			if _, err := h.invites.CreateCode(h.as(ada), in); refused(err) != want {
				t.Errorf("%+v: got %v", in, err)
			}
		}
		_, err := h.invites.CreateCode(h.as(ada), invite.CreateInviteCodeInput{})
		if list, ok := err.(interface{ Unwrap() []error }); !ok || len(list.Unwrap()) != 2 {
			t.Errorf("both at once: got %v", err)
		}
		if _, err := h.invites.CreateCode(h.as(ada), invite.CreateInviteCodeInput{MaxUses: 1, ValidForDays: 1, IdempotencyKey: new("")}); faulted(err) != fault.CodeBadRequest {
			t.Errorf("an empty key: got %v", err)
		}
	})
	t.Run("whoever is not signed in or banned makes none", func(t *testing.T) {
		t.Parallel()
		in := invite.CreateInviteCodeInput{MaxUses: 1, ValidForDays: 1}
		if _, err := h.invites.CreateCode(t.Context(), in); faulted(err) != fault.CodeUnauthenticated {
			t.Errorf("nobody: got %v", err)
		}
		mallory := h.person("mallory")
		h.exec("UPDATE accounts SET banned_at = now() WHERE id = $1", mallory)
		if _, err := h.invites.CreateCode(h.as(mallory), in); refused(err) != "ACCOUNT_BANNED" {
			t.Errorf("banned: got %v", err)
		}
		if _, err := h.invites.ByEmail(h.as(mallory), invite.InviteByEmailInput{Email: "x@example.org", ValidForDays: 1}); refused(err) != "ACCOUNT_BANNED" {
			t.Errorf("banned, by mail: got %v", err)
		}
	})
}

func TestReadCode(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"abcd-efgh-jkmn-pqrs-tvwx":      "abcdefghjkmnpqrstvwx",
		"ABCD EFGH jkmn pqrs TVWX":      "abcdefghjkmnpqrstvwx",
		"oOiI-lL01-0000-0000-0000":      "00111101000000000000",
		"abcd-efgh-jkmn-pqrs-tvw":       "",
		"abcd-efgh-jkmn-pqrs-tvwxy":     "",
		"abcd-efgh-jkmn-pqrs-tvwu":      "", // u is no digit
		"abcd-efgh-jkmn-pqrs-tv/x":      "",
		"abcd-efgh-jkmn-pqrs-tvw\n":     "",
		"":                              "",
		strings.Repeat("-", 1000) + "a": "",
	} {
		if got, ok := invite.ReadCode(text); ok != (want != "") || ok && got != want {
			t.Errorf("%q: got %q, %v", text, got, ok)
		}
	}
}
