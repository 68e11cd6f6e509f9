package viewer

import (
	"context"

	"github.com/convenehq/convene/internal/fault"
)

// Role is what an account may do for the service, beyond what anybody may.
type Role string

// The roles there are. Each may do what the one before it may.
const (
	RoleUser      Role = "USER"
	RoleModerator Role = "MODERATOR"
	RoleAdmin     Role = "ADMIN"
)

// Values are all roles, from the least to the most.
func (Role) Values() []string {
	return []string{string(RoleUser), string(RoleModerator), string(RoleAdmin)}
}

// IsBelow tells whether a role may do less than another.
func (r Role) IsBelow(other Role) bool { return r.rank() < other.rank() }

func (r Role) rank() int {
	switch r {
	case RoleAdmin:
		return 2
	case RoleModerator:
		return 1
	default:
		return 0
	}
}

// WithRole is the same person with the role that their account has. The role comes with the session, never
// from the client's token: what is taken away is gone within the time for which a session is remembered.
func (v Viewer) WithRole(r Role) Viewer {
	if v.kind == Person {
		v.role = r
	}
	return v
}

// Role is the role of a person; empty for any other viewer.
func (v Viewer) Role() Role { return v.role }

// IsAdmin tells whether the viewer looks after the whole service: the operator, or a person with the role.
func (v Viewer) IsAdmin() bool {
	return v.kind == Operator || v.kind == Person && v.role == RoleAdmin
}

// RequireAdmin lets only those pass who look after the whole service.
func RequireAdmin(ctx context.Context) error {
	switch v := From(ctx); {
	case v.IsAdmin():
		return nil
	case v.kind == Person:
		return &fault.Error{Code: fault.CodeForbidden, Message: "Only admins may do this."}
	default:
		return fault.Unauthenticated()
	}
}
