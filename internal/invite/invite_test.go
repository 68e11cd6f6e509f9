package invite_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/invitecode"
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

// deadline is how long a test waits for what has to come.
const deadline = 20 * time.Second

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
		if list, ok := err.(interface{ Unwrap() []error }); !ok || len(list.Unwrap()) != 2 { //nolint:errorlint // how many there are
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

func TestLimit(t *testing.T) {
	t.Parallel()
	t.Run("of many at once, as many are made as one may in a day, on several nodes and after a restart", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, invite.Options{PerDay: 4})
		other := onDatabase(t, h.url, h.clock, invite.Options{PerDay: 4})
		ada, bob := h.person("ada"), h.person("bob")
		in := invite.CreateInviteCodeInput{MaxUses: 1, ValidForDays: 1}
		results := make([]error, 12)
		var wait sync.WaitGroup
		for i := range results {
			wait.Go(func() {
				if i%2 == 0 {
					_, results[i] = h.invites.CreateCode(h.as(ada), in)
					return
				}
				_, results[i] = other.invites.CreateCode(other.as(ada), in)
			})
		}
		wait.Wait()
		made := 0
		for _, err := range results {
			switch refused(err) {
			case "INVITE_LIMIT":
			case "":
				made++
			default:
				t.Errorf("got %v", err)
			}
		}
		if made != 4 {
			t.Errorf("%d were made", made)
		}
		again := onDatabase(t, h.url, h.clock, invite.Options{PerDay: 4})
		if _, err := again.invites.CreateCode(again.as(ada), in); refused(err) != "INVITE_LIMIT" {
			t.Errorf("after a restart: got %v", err)
		}
		if _, err := again.invites.ByEmail(again.as(ada), invite.InviteByEmailInput{Email: "x@example.org", ValidForDays: 1}); refused(err) != "INVITE_LIMIT" {
			t.Errorf("by mail instead: got %v", err)
		}
		h.code(bob, 1, 1)
		h.clock.Add(24*time.Hour + time.Second)
		h.code(ada, 1, 1)
	})
	t.Run("taking back makes no room", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, invite.Options{PerDay: 1})
		ada := h.person("ada")
		if _, err := h.invites.RevokeCode(h.as(ada), invite.RevokeInviteCodeInput{InviteCodeID: h.code(ada, 1, 1).Row.GlobalID()}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.invites.CreateCode(h.as(ada), invite.CreateInviteCodeInput{MaxUses: 1, ValidForDays: 1}); refused(err) != "INVITE_LIMIT" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("whoever has proved no address has fewer invites mailed", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, invite.Options{})
		ada := h.person("ada")
		mail := func(i int) error {
			_, err := h.invites.ByEmail(h.as(ada), invite.InviteByEmailInput{Email: fmt.Sprintf("%d@example.org", i), ValidForDays: 1})
			return err
		}
		for i := range 3 {
			if err := mail(i); err != nil {
				t.Fatal(err)
			}
		}
		if err := mail(3); refused(err) != "INVITE_LIMIT" {
			t.Errorf("the fourth: got %v", err)
		}
		if err := mail(1); err != nil {
			t.Errorf("the second again: got %v", err)
		}
		h.exec("UPDATE accounts SET email_verified_at = now() WHERE id = $1", ada)
		if err := mail(4); err != nil {
			t.Errorf("with an address proved: got %v", err)
		}
	})
}

func TestRevokeCode(t *testing.T) {
	t.Parallel()
	h := newHouse(t, invite.Options{})
	ada, eve := h.person("ada"), h.person("eve")
	made := h.code(ada, 5, 7)
	in := invite.RevokeInviteCodeInput{InviteCodeID: made.Row.GlobalID()}
	for name, ctx := range map[string]context.Context{
		"a stranger":  h.as(eve),
		"a moderator": viewer.With(t.Context(), viewer.OfPerson(eve, uuid.Nil).WithRole(viewer.RoleModerator)),
	} {
		if _, err := h.invites.RevokeCode(ctx, in); refused(err) != "NOT_FOUND input.inviteCodeId" {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := h.invites.RevokeCode(t.Context(), in); faulted(err) != fault.CodeUnauthenticated {
		t.Errorf("nobody: got %v", err)
	}
	if _, err := h.join("first", made.Code); err != nil {
		t.Fatal(err)
	}
	row, err := h.invites.RevokeCode(h.as(ada), in)
	if err != nil || h.invites.CodeStateOf(row) != invite.CodeStateRevoked || row.UseCount != 1 {
		t.Fatalf("got %v, %v", row, err)
	}
	if _, err := h.join("second", made.Code); refused(err) != "INVITE_CODE_INVALID input.inviteCode" {
		t.Errorf("with a code that was revoked: got %v", err)
	}
	if again, err := h.invites.RevokeCode(h.as(ada), in); err != nil || !again.RevokedAt.Equal(*row.RevokedAt) {
		t.Errorf("again: got %v, %v", again, err)
	}
	if n := h.audited("invite.code_revoked"); n != 0 {
		t.Errorf("one's own code is %d times in the audit log", n)
	}
	t.Run("an admin ends anybody's, and it is in the audit log", func(t *testing.T) {
		made := h.code(ada, 5, 7)
		admin := viewer.With(t.Context(), viewer.OfPerson(eve, uuid.Nil).WithRole(viewer.RoleAdmin))
		row, err := h.invites.RevokeCode(admin, invite.RevokeInviteCodeInput{InviteCodeID: made.Row.GlobalID()})
		if err != nil || row.RevokedAt == nil || h.audited("invite.code_revoked") != 1 {
			t.Errorf("got %v, %v", row, err)
		}
	})
}

// audited counts the entries of an action.
func (h *house) audited(action string) (n int) {
	h.t.Helper()
	if err := h.db.SQL.QueryRowContext(h.t.Context(), "SELECT count(*) FROM audit_entries WHERE action = $1", action).Scan(&n); err != nil {
		h.t.Fatal(err)
	}
	return n
}

func TestOperator(t *testing.T) {
	t.Parallel()
	h := newHouse(t, invite.Options{IsInviteOnly: true})
	operator := viewer.AsOperator(t.Context())
	made, err := h.invites.CreateCode(operator, invite.CreateInviteCodeInput{MaxUses: 1, ValidForDays: 1})
	if err != nil || made.Row.InviterID != nil {
		t.Fatalf("got %v, %v", made, err)
	}
	if n := h.audited("invite.code_created"); n != 1 {
		t.Errorf("it is %d times in the audit log", n)
	}
	p, err := h.invites.Preview(t.Context(), made.Code)
	if err != nil || p == nil || p.Inviter != nil {
		t.Errorf("the preview is %v, %v", p, err)
	}
	first, err := h.join("first", made.Code)
	if err != nil || h.invitedBy(first.Viewer.Account()) != uuid.Nil {
		t.Errorf("got %v, %v", first, err)
	}
	next, err := h.invites.CreateCode(operator, invite.CreateInviteCodeInput{MaxUses: 1, ValidForDays: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.invites.RevokeCode(operator, invite.RevokeInviteCodeInput{InviteCodeID: next.Row.GlobalID()}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.join("second", next.Code); refused(err) != "INVITE_CODE_INVALID input.inviteCode" {
		t.Errorf("got %v", err)
	}
	if n := h.audited("invite.code_revoked"); n != 1 {
		t.Errorf("the end of it is %d times in the audit log", n)
	}
}

func TestReadCode(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"abcd-efgh-jkmn-pqrs-tvwx":      "abcdefghjkmnpqrstvwx",
		" ABCD EFGH jkmn pqrs TVWX ":    "abcdefghjkmnpqrstvwx",
		"oOiI-lL01-0000-0000-0000":      "00111101000000000000"[:20],
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

func TestSweep(t *testing.T) {
	t.Parallel()
	h := newHouse(t, invite.Options{})
	ada := h.person("ada")
	h.code(ada, 1, 1)
	short, err := h.invites.ByEmail(h.as(ada), invite.InviteByEmailInput{Email: "x@example.org", ValidForDays: 1})
	if err != nil {
		t.Fatal(err)
	}
	h.code(ada, 1, 90)
	count := func() (invites, codes, addresses int) {
		t.Helper()
		if err := h.invites.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		err := h.db.SQL.QueryRowContext(t.Context(), `SELECT (SELECT count(*) FROM invites), (SELECT count(*) FROM invite_codes),
			(SELECT count(*) FROM invites WHERE email IS NOT NULL)`).Scan(&invites, &codes, &addresses)
		if err != nil {
			t.Fatal(err)
		}
		return invites, codes, addresses
	}
	if i, c, a := count(); i != 1 || c != 2 || a != 1 {
		t.Errorf("at once: %d invites, %d codes, %d addresses", i, c, a)
	}
	h.clock.Add(24 * time.Hour)
	if got := h.invites.EmailOf(short); got != nil {
		t.Errorf("the address of an invite whose time is up is shown before the sweep: %s", *got)
	}
	if i, c, a := count(); i != 1 || c != 2 || a != 0 {
		t.Errorf("when its time is up: %d invites, %d codes, %d addresses", i, c, a)
	}
	h.clock.Add(30 * 24 * time.Hour)
	if i, c, _ := count(); i != 0 || c != 1 {
		t.Errorf("a month later: %d invites, %d codes", i, c)
	}
}

func TestForget(t *testing.T) {
	t.Parallel()
	h := newHouse(t, invite.Options{})
	ada, bob := h.person("ada"), h.person("bob")
	gone, stays := h.code(ada, 2, 1), h.code(bob, 2, 1)
	if _, err := h.invites.ByEmail(h.as(ada), invite.InviteByEmailInput{Email: "x@example.org", ValidForDays: 1}); err != nil {
		t.Fatal(err)
	}
	eve, err := h.join("eve", gone.Code)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.db.Tx(t.Context(), func(tx *ent.Tx) error { return h.invites.Forget(t.Context(), tx, ada) }); err != nil {
		t.Fatal(err)
	}
	if n, err := h.db.Ent.Invite.Query().Count(h.system()); err != nil || n != 0 {
		t.Errorf("%d invites are left, %v", n, err)
	}
	if left, err := h.db.Ent.InviteCode.Query().Select(invitecode.FieldHint).String(h.system()); err != nil || left != stays.Row.Hint {
		t.Errorf("left is %q, %v", left, err)
	}
	if _, err := h.join("mallory", gone.Code); refused(err) != "INVITE_CODE_INVALID input.inviteCode" {
		t.Errorf("with a code of somebody erased: got %v", err)
	}
	h.exec("DELETE FROM accounts WHERE id = $1", ada)
	if by := h.invitedBy(eve.Viewer.Account()); by != uuid.Nil {
		t.Errorf("she is still invited by %v", by)
	}
}
