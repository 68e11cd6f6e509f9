package invite

import (
	"time"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/profile"
)

// The types of the slice's API. Each has the name and the meaning of its GraphQL type in
// graph/invite.graphqls, which gqlgen binds by that name.

// InviteConnection is a page of invites.
type InviteConnection = relay.Connection[*ent.Invite]

// InviteEdge is an invite in a page.
type InviteEdge = relay.Edge[*ent.Invite]

// InviteCodeConnection is a page of codes.
type InviteCodeConnection = relay.Connection[*ent.InviteCode]

// InviteCodeEdge is a code in a page.
type InviteCodeEdge = relay.Edge[*ent.InviteCode]

// InvitePreview is what may be known of a code by whoever holds it.
type InvitePreview struct {
	Inviter   *profile.ProfileCard
	ExpiresAt time.Time
}

// InviteState is what has become of an invite.
type InviteState string

// The states of an invite.
const (
	StatePending   InviteState = "PENDING"
	StateAccepted  InviteState = "ACCEPTED"
	StateWithdrawn InviteState = "WITHDRAWN"
	StateExpired   InviteState = "EXPIRED"
)

// InviteCodeState is what has become of a code.
type InviteCodeState string

// The states of a code.
const (
	CodeStateActive  InviteCodeState = "ACTIVE"
	CodeStateUsedUp  InviteCodeState = "USED_UP"
	CodeStateRevoked InviteCodeState = "REVOKED"
	CodeStateExpired InviteCodeState = "EXPIRED"
)

// CreateInviteCodeInput is the input of createInviteCode.
type CreateInviteCodeInput struct {
	MaxUses        int
	ValidForDays   int
	IdempotencyKey *string
}

// CreateInviteCodePayload is the answer of createInviteCode.
type CreateInviteCodePayload struct {
	InviteCode *ent.InviteCode
	Code       *string
	URL        *string
	UserErrors []*InviteUserError
}

// RevokeInviteCodeInput is the input of revokeInviteCode.
type RevokeInviteCodeInput struct {
	InviteCodeID relay.ID
}

// RevokeInviteCodePayload is the answer of revokeInviteCode.
type RevokeInviteCodePayload struct {
	InviteCode *ent.InviteCode
	UserErrors []*InviteUserError
}

// InviteByEmailInput is the input of inviteByEmail.
type InviteByEmailInput struct {
	Email        string
	ValidForDays int
}

// InviteByEmailPayload is the answer of inviteByEmail.
type InviteByEmailPayload struct {
	Invite     *ent.Invite
	UserErrors []*InviteUserError
}

// WithdrawInviteInput is the input of withdrawInvite.
type WithdrawInviteInput struct {
	InviteID relay.ID
}

// WithdrawInvitePayload is the answer of withdrawInvite.
type WithdrawInvitePayload struct {
	Invite     *ent.Invite
	UserErrors []*InviteUserError
}
