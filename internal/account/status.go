package account

import "github.com/convenehq/convene/ent"

// AccountStatus is how an account stands.
type AccountStatus string

// How accounts stand; the meanings are in graph/account_standing.graphqls.
const (
	StatusUnverified  AccountStatus = "UNVERIFIED"
	StatusActive      AccountStatus = "ACTIVE"
	StatusDeactivated AccountStatus = "DEACTIVATED"
	StatusBanned      AccountStatus = "BANNED"
	StatusErased      AccountStatus = "ERASED"
)

// StatusOf is how an account stands. It is computed of moments, of which the gravest counts.
func StatusOf(row *ent.Account) AccountStatus {
	switch {
	case row.ErasedAt != nil:
		return StatusErased
	case row.BannedAt != nil:
		return StatusBanned
	case row.DeactivatedAt != nil:
		return StatusDeactivated
	case row.EmailVerifiedAt == nil:
		return StatusUnverified
	}
	return StatusActive
}
