package invite_test

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/invite"
	"github.com/convenehq/convene/internal/viewer"
)

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
