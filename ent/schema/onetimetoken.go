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

// OneTimeToken is what a link in a mail stands for. What the link says is in no row: it is made of the row's id
// and the keys when the mail is written.
type OneTimeToken struct{ ent.Schema }

// Mixin of the entity.
func (OneTimeToken) Mixin() []ent.Mixin { return []ent.Mixin{ID{}} }

// Fields of the entity.
func (OneTimeToken) Fields() []ent.Field {
	const gone = "30 days after the link expired"
	return []ent.Field{
		field.UUID("account_id", uuid.UUID{}).Immutable().
			Annotations(personal.Data("whose link it is", gone, personal.Code)),
		field.Enum("purpose").Values("VERIFY_EMAIL", "CHANGE_EMAIL", "RESET_PASSWORD", "UNDO_EMAIL").Immutable().
			Annotations(personal.Technical("what the link does", personal.Code)),
		field.String("email").MaxLen(254).Immutable().
			Annotations(personal.Data("the address that the link is sent to, and proves", gone, personal.Code)),
		field.Bytes("password_mark").Optional().Immutable().
			Annotations(entsql.Annotation{Size: 32}, personal.Technical("hash of the stored password that the link replaces, and of no other", personal.Code)),
		field.Time("expires_at").Immutable().
			Annotations(personal.Technical("when the link ends", personal.Code)),
		field.Time("used_at").Optional().Nillable().
			Annotations(personal.Technical("a link is good once", personal.Code)),
	}
}

// Indexes of the entity.
func (OneTimeToken) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("account_id", "created_at"), index.Fields("email", "created_at"), index.Fields("expires_at"),
	}
}

// Policy of the entity: Convene's own code only.
func (OneTimeToken) Policy() ent.Policy { return rule.Policy(rule.Access{}) }
