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

// Message is something somebody wrote in a conversation. It is its own entry in the stream: its number
// is the update that tells of it.
type Message struct{ ent.Schema }

// Mixin of the entity.
func (Message) Mixin() []ent.Mixin { return []ent.Mixin{ID{}} }

// Fields of the entity.
func (Message) Fields() []ent.Field {
	const erased = "until it is deleted or its author is erased"
	return []ent.Field{
		field.UUID("conversation_id", uuid.UUID{}).Immutable().
			Annotations(personal.Technical("where it stands", personal.RowReader)),
		field.Int64("seq").Immutable().
			Annotations(personal.Technical("its number in the conversation", personal.RowReader)),
		field.UUID("author_id", uuid.UUID{}).Optional().Nillable().
			Annotations(personal.Data("who wrote it", "until the author is erased", personal.Code)),
		field.String("idempotency_key").MaxLen(64).Optional().Nillable().
			Annotations(personal.Technical("finds the message again when its sending is retried", personal.Code)),
		field.Bytes("input_mac").Optional().Nillable().
			Annotations(entsql.Annotation{Size: 32}, personal.Data("keyed hash of what was sent, to notice a key used twice", erased, personal.Code)),
		field.Text("body").Optional().Nillable().
			Annotations(personal.Data("what they wrote", erased, personal.RowReader)),
		field.UUID("reply_to_id", uuid.UUID{}).Optional().Nillable().Immutable().
			Annotations(personal.Technical("the message it answers", personal.Code)),
		field.Time("edited_at").Optional().Nillable().
			Annotations(personal.Technical("when its text last changed", personal.RowReader)),
		field.Time("deleted_at").Optional().Nillable().
			Annotations(personal.Technical("when its text was taken away", personal.RowReader)),
		field.Int("version").Default(1).
			Annotations(entsql.Default("1"), personal.Technical("counts the changes, so that a stale edit is noticed", personal.RowReader)),
	}
}

// Indexes of the entity.
func (Message) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("conversation_id", "seq").Unique(),
		index.Fields("author_id", "idempotency_key").Unique().StorageKey("message_author_key").
			Annotations(entsql.IndexWhere("(idempotency_key IS NOT NULL)")),
		// Finds, together with the one above, what somebody wrote.
		index.Fields("author_id").StorageKey("message_author_keyless").
			Annotations(entsql.IndexWhere("((idempotency_key IS NULL) AND (author_id IS NOT NULL))")),
	}
}

// Annotations of the entity.
func (Message) Annotations() []schema.Annotation {
	return []schema.Annotation{
		personal.GlobalID("message"),
	}
}

// Policy of the entity: members since they joined read, but for what lies behind a curtain. Writing goes
// through the stream's numbers and is messaging's own affair.
func (Message) Policy() ent.Policy {
	return rule.Policy(rule.Access{Read: []visible.Rule{visible.ReadableMessages}})
}
