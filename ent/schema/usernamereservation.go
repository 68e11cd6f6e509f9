package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
	"github.com/google/uuid"

	"github.com/convenehq/convene/ent/personal"
	"github.com/convenehq/convene/ent/rule"
)

// UsernameReservation keeps a username that somebody gave up from everybody else for a while, so that nobody passes
// for them. The name itself is not in it.
type UsernameReservation struct{ ent.Schema }

// Mixin of the entity.
func (UsernameReservation) Mixin() []ent.Mixin { return []ent.Mixin{ID{}} }

// Fields of the entity.
func (UsernameReservation) Fields() []ent.Field {
	return []ent.Field{
		field.Bytes("name_mac").Immutable().
			Annotations(entsql.Annotation{Size: 32}, personal.Technical("keyed hash of the username", personal.Code)),
		field.UUID("account_id", uuid.UUID{}).Optional().Nillable().
			Annotations(personal.Data("who may have it back; null once they have been erased", personal.WithAccount, personal.Code)),
		field.Time("released_at").Optional().Nillable().
			Annotations(personal.Technical("when its former owner went back to it", personal.Code)),
		field.Time("ends_at").Immutable().
			Annotations(personal.Technical("when anybody may take the name", personal.Code)),
	}
}

// Indexes of the entity.
func (UsernameReservation) Indexes() []ent.Index {
	return []ent.Index{index.Fields("name_mac"), index.Fields("account_id"), index.Fields("ends_at")}
}

// Policy of the entity: Convene's own code only.
func (UsernameReservation) Policy() ent.Policy { return rule.Policy(rule.Access{}) }
