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

// Invite asks whoever reads the mails of an address to join.
type Invite struct{ ent.Schema }

// Mixin of the entity.
func (Invite) Mixin() []ent.Mixin { return []ent.Mixin{ID{}} }

// Fields of the entity.
func (Invite) Fields() []ent.Field {
	const until = "30 days after it has ended, or until the inviter is erased"
	return []ent.Field{
		field.UUID("inviter_id", uuid.UUID{}).Immutable().
			Annotations(personal.Data("who invites", until, personal.RowReader)),
		field.String("email").Optional().Nillable().MaxLen(254).
			Annotations(personal.Data("where the invite goes", "until it is accepted, withdrawn or expired", personal.Owner)),
		field.Bytes("email_mac").Immutable().
			Annotations(entsql.Annotation{Size: 32}, personal.Data("keyed hash of the address, so that nobody is sent invites without end", until, personal.Code)),
		field.Bytes("code_hash").Unique().Immutable().
			Annotations(entsql.Annotation{Size: 32}, personal.Technical("hash of the code in the mail; the code is stored nowhere", personal.Code)),
		field.Time("expires_at").Immutable().
			Annotations(personal.Technical("when it ends if nobody accepts it", personal.RowReader)),
		field.Time("mailed_at").Optional().Nillable().
			Annotations(personal.Technical("when the mail was written; null if none was", personal.Code)),
		field.Time("accepted_at").Optional().Nillable().
			Annotations(personal.Data("when somebody registered with it", until, personal.Code)),
		field.Time("withdrawn_at").Optional().Nillable().
			Annotations(personal.Technical("when the inviter took it back", personal.Code)),
	}
}

// Indexes of the entity.
func (Invite) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("inviter_id", "created_at", "id"),
		index.Fields("email_mac", "mailed_at"),
		index.Fields("expires_at"),
	}
}

// Annotations of the entity.
func (Invite) Annotations() []schema.Annotation {
	return []schema.Annotation{personal.GlobalID("invite")}
}

// Policy of the entity: whoever invites.
func (Invite) Policy() ent.Policy {
	own := []visible.Rule{visible.OwnedBy("inviter_id")}
	return rule.Policy(rule.Access{Read: own, Write: own, CreateOwn: "inviter_id"})
}
