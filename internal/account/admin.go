package account

import (
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/viewer"
)

// The inputs of what admins and the operator do to the accounts of others.

// GrantRoleInput is the input of Grant.
type GrantRoleInput struct {
	AccountID relay.ID
	Role      viewer.Role
}

// BanAccountInput is the input of Ban.
type BanAccountInput struct {
	AccountID relay.ID
	// Reason is for those who look after the service; the banned person is not told.
	Reason string
}

// UnbanAccountInput is the input of Unban.
type UnbanAccountInput struct {
	AccountID relay.ID
}

// GivePasswordInput is the input of GivePassword.
type GivePasswordInput struct {
	AccountID relay.ID
}

// EraseAccountInput is the input of EraseOf.
type EraseAccountInput struct {
	AccountID relay.ID
	// Now is without a grace: with the next run of the erasing.
	Now bool
}

// RevokeAccountSessionsInput is the input of RevokeOf.
type RevokeAccountSessionsInput struct {
	AccountID relay.ID
	// SessionID is the one to end; nil means all.
	SessionID *relay.ID
}
