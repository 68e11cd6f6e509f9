package graph_test

import (
	"context"
	"testing"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/invite"
	"github.com/convenehq/convene/internal/viewer"
)

// code is a code of Ada's.
func (s *stage) code(t *testing.T) *invite.Created {
	t.Helper()
	made, err := s.Invites.CreateCode(viewer.With(t.Context(), s.ada), invite.CreateInviteCodeInput{MaxUses: 2, ValidForDays: 1})
	if err != nil {
		t.Fatal(err)
	}
	s.names[made.Row.ID] = "code"
	return made
}

// invited is an invite of Ada's.
func (s *stage) invited(t *testing.T) *ent.Invite {
	t.Helper()
	row, err := s.Invites.ByEmail(viewer.With(t.Context(), s.ada), invite.InviteByEmailInput{Email: "carol@example.com", ValidForDays: 1})
	if err != nil {
		t.Fatal(err)
	}
	s.names[row.ID] = "invite"
	return row
}

func inviteDeeds() []deed {
	fixed := func(in vars) func(*testing.T, *stage) vars { return func(*testing.T, *stage) vars { return in } }
	carol := vars{"email": "carol@example.com"}
	// after does a mutation once and then has it done again.
	after := func(name string, input func(*testing.T, *stage) vars) func(*testing.T, *stage) vars {
		return func(t *testing.T, s *stage) vars {
			in := input(t, s)
			if err := s.call(t, name, in)(t.Context()); err != nil {
				t.Fatal(err)
			}
			return in
		}
	}
	code := func(t *testing.T, s *stage) vars { return vars{"inviteCodeId": string(s.code(t).Row.GlobalID())} }
	row := func(t *testing.T, s *stage) vars { return vars{"inviteId": string(s.invited(t).GlobalID())} }
	command := func(how string, do func(*testing.T, *stage) func(context.Context) error, want string) deed {
		return deed{by: "convene admin invite", how: how, want: []string{want}, prepare: func(t *testing.T, s *stage) func(context.Context) error {
			run := do(t, s)
			return func(ctx context.Context) error { return run(viewer.AsOperator(ctx)) }
		}}
	}
	return []deed{
		mutation("createInviteCode", "", fixed(vars{"maxUses": 3}), "invite.code_created 1 by ada"),
		mutation("createInviteCode", "again with its key", after("createInviteCode", fixed(vars{"idempotencyKey": "k"}))),
		refused("createInviteCode", "for too many", fixed(vars{"maxUses": 101})),
		mutation("revokeInviteCode", "", code, "invite.code_revoked code by ada"),
		mutation("revokeInviteCode", "of one that was revoked", after("revokeInviteCode", code)),
		refused("revokeInviteCode", "of none", fixed(vars{"inviteCodeId": nobodyID(ent.InviteCodePrefix)})),
		mutation("inviteByEmail", "", fixed(carol), "invite.created 1 by ada"),
		mutation("inviteByEmail", "of somebody invited", after("inviteByEmail", fixed(carol))),
		refused("inviteByEmail", "of nobody", fixed(vars{"email": "carol"})),
		mutation("withdrawInvite", "", row, "invite.withdrawn invite by ada"),
		mutation("withdrawInvite", "of one that was withdrawn", after("withdrawInvite", row)),
		refused("withdrawInvite", "of none", fixed(vars{"inviteId": nobodyID(ent.InvitePrefix)})),
		command("", func(_ *testing.T, s *stage) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := s.Invites.CreateCode(ctx, invite.CreateInviteCodeInput{MaxUses: 1, ValidForDays: 1})
				return err
			}
		}, "invite.code_created 1"),
		command("--revoke", func(t *testing.T, s *stage) func(context.Context) error {
			t.Helper()
			id := relay.NewID(ent.InviteCodePrefix, s.code(t).Row.ID)
			return func(ctx context.Context) error {
				_, err := s.Invites.RevokeCode(ctx, invite.RevokeInviteCodeInput{InviteCodeID: id})
				return err
			}
		}, "invite.code_revoked code"),
	}
}
