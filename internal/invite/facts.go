package invite

import (
	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/fact"
)

// The kinds of fact that the slice stores.
const (
	factCreated     = "invite.created"
	factWithdrawn   = "invite.withdrawn"
	factCodeCreated = "invite.code_created"
	factCodeRevoked = "invite.code_revoked"
)

// Facts are the slice's part of the catalogue. That an invite was accepted is account.referred.
var Facts = []fact.Kind{
	{Name: factCreated, Subject: ent.InvitePrefix, By: []string{"inviteByEmail"}, Says: "Somebody is invited by mail."},
	{Name: factWithdrawn, Subject: ent.InvitePrefix, By: []string{"withdrawInvite"}, Says: "An invite by mail is taken back."},
	{
		Name: factCodeCreated, Subject: ent.InviteCodePrefix, By: []string{"createInviteCode", "convene admin invite"},
		Says: "A code has been made with which others can join.",
	},
	{
		Name: factCodeRevoked, Subject: ent.InviteCodePrefix, By: []string{"revokeInviteCode", "convene admin invite"},
		Says: "A code has been ended before its time.",
	},
}
