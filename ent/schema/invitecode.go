package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
	"github.com/google/uuid"

	"github.com/convenehq/convene/ent/personal"
	"github.com/convenehq/convene/ent/rule"
	"github.com/convenehq/convene/ent/visible"
)

// InviteCode lets a number of people join who were told the code.
type InviteCode struct{ ent.Schema }

// Mixin of the entity.
func (InviteCode) Mixin() []ent.Mixin { return []ent.Mixin{ID{}} }

// Fields of the entity.
func (InviteCode) Fields() []ent.Field {
	const until = "30 days after it has ended, or until the inviter is erased"
	return []ent.Field{
		field.UUID("inviter_id", uuid.UUID{}).Optional().Nillable().Immutable().
			Annotations(personal.Data("who invites; null where the operator does", until, personal.RowReader)),
		field.Bytes("code_hash").Unique().Immutable().
			Annotations(entsql.Annotation{Size: 32}, personal.Technical("hash of the code, which is stored nowhere", personal.Code)),
		field.String("hint").MaxLen(4).Immutable().
			Annotations(personal.Technical("how the code begins, to tell several apart", personal.RowReader)),
		field.Int("max_uses").Immutable().
			Annotations(personal.Technical("how many may join with it", personal.RowReader)),
		field.Int("use_count").Default(0).
			Annotations(entsql.Default("0"), personal.Technical("how many have", personal.RowReader)),
		field.Time("expires_at").Immutable().
			Annotations(personal.Technical("when it ends", personal.RowReader)),
		field.Time("revoked_at").Optional().Nillable().
			Annotations(personal.Technical("when it was ended before its time", personal.Code)),
		field.String("idempotency_key").Optional().Nillable().MaxRuneLen(64).Immutable().
			Annotations(personal.Technical("by which a repeated request finds the code that it made", personal.Code)),
	}
}

// Indexes of the entity.
func (InviteCode) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("inviter_id", "created_at", "id"),
		index.Fields("inviter_id", "idempotency_key").Unique(),
		index.Fields("expires_at"),
	}
}

// Annotations of the entity.
func (InviteCode) Annotations() []schema.Annotation {
	return []schema.Annotation{personal.GlobalID("invitecode")}
}

// Policy of the entity: whoever invites.
func (InviteCode) Policy() ent.Policy {
	own := []visible.Rule{visible.OwnedBy("inviter_id")}
	return rule.Policy(rule.Access{Read: own, Write: own, CreateOwn: "inviter_id"})
}
