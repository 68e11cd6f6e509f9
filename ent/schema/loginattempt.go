package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
	"github.com/google/uuid"

	"github.com/convenehq/convene/ent/personal"
	"github.com/convenehq/convene/ent/rule"
	"github.com/convenehq/convene/ent/visible"
)

// LoginAttempt is one try to get into an account, and what came of it.
type LoginAttempt struct{ ent.Schema }

// Mixin of the entity.
func (LoginAttempt) Mixin() []ent.Mixin { return []ent.Mixin{ID{}} }

// Fields of the entity. All are immutable, and a trigger refuses updates that go past ent.
func (LoginAttempt) Fields() []ent.Field {
	const kept = "90 days"
	return []ent.Field{
		field.UUID("account_id", uuid.UUID{}).Optional().Nillable().Immutable().
			Annotations(personal.Data("whose account it was about; null if there is none", kept, personal.RowReader)),
		field.Bytes("identifier_hash").Optional().Immutable().
			Annotations(entsql.Annotation{Size: 32}, personal.Data("keyed hash of the name or address that was given", kept, personal.Code)),
		field.Enum("outcome").
			Values("SIGNED_IN", "FAILED", "BANNED", "THROTTLED", "REGISTERED", "RESET_REQUESTED", "RESET").Immutable().
			Annotations(personal.Data("what came of it", kept, personal.RowReader)),
		field.String("network").MaxLen(50).Default("").Immutable().
			Annotations(personal.Data("the part of the address that names a network, to recognize places", kept, personal.RowReader)),
		field.String("device_label").MaxLen(100).Default("").Immutable().
			Annotations(personal.Data("what the device called itself, to recognize devices", kept, personal.RowReader)),
	}
}

// Indexes of the entity.
func (LoginAttempt) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("created_at"),
		index.Fields("account_id", "created_at", "id"),
		index.Fields("identifier_hash", "network"),
	}
}

// Policy of the entity: one's own. Nobody but Convene itself writes it.
func (LoginAttempt) Policy() ent.Policy {
	return rule.Policy(rule.Access{Read: []visible.Rule{visible.OwnedBy("account_id")}})
}
