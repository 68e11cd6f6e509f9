package invite_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent/invitecode"
	"github.com/convenehq/convene/internal/invite"
)

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

// When an account goes, nobody can be let in by it any more, and nobody was.
func TestErased(t *testing.T) {
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
	h.exec("DELETE FROM accounts WHERE id = $1", ada)
	if n, err := h.db.Ent.Invite.Query().Count(h.system()); err != nil || n != 0 {
		t.Errorf("%d invites are left, %v", n, err)
	}
	if left, err := h.db.Ent.InviteCode.Query().Select(invitecode.FieldHint).String(h.system()); err != nil || left != stays.Row.Hint {
		t.Errorf("left is %q, %v", left, err)
	}
	if _, err := h.join("mallory", gone.Code); refused(err) != "INVITE_CODE_INVALID input.inviteCode" {
		t.Errorf("with a code of somebody erased: got %v", err)
	}
	if by := h.invitedBy(eve.Viewer.Account()); by != uuid.Nil {
		t.Errorf("she is still invited by %v", by)
	}
}
