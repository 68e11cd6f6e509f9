package profile

import (
	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/sibling"
)

// The types of the slice's API. Each has the name and the meaning of its GraphQL type in
// graph/profile.graphqls, which gqlgen binds by that name.

// ProfileCard is the little of a person that everybody sees who sees something they wrote.
type ProfileCard struct {
	Row         uuid.UUID `json:"id"`
	Username    string    `json:"username"`
	DisplayName string    `json:"displayName"`

	siblings *sibling.Group
}

// GlobalID is the id of the profile.
func (c *ProfileCard) GlobalID() relay.ID { return relay.NewID(ent.ProfilePrefix, c.Row) }

// Person is whose card it is.
func (c *ProfileCard) Person() uuid.UUID { return c.Row }

// UpdateProfileInput is the input of updateProfile; nil leaves a field as it is.
type UpdateProfileInput struct {
	DisplayName     *string
	ExpectedVersion *int
}

// UpdateProfilePayload is the answer of updateProfile.
type UpdateProfilePayload struct {
	Profile    *ent.Profile
	UserErrors []*ProfileUserError
}
