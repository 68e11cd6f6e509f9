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

// ConversationMember is a person in a conversation, and how far they have read.
type ConversationMember struct{ ent.Schema }

// Mixin of the entity.
func (ConversationMember) Mixin() []ent.Mixin { return []ent.Mixin{ID{}} }

// Fields of the entity.
func (ConversationMember) Fields() []ent.Field {
	return []ent.Field{
		field.UUID("conversation_id", uuid.UUID{}).Immutable().
			Annotations(personal.Technical("which conversation", personal.RowReader)),
		field.UUID("account_id", uuid.UUID{}).Immutable().
			Annotations(personal.Data("who is in it", "until they leave", personal.RowReader)),
		field.Int64("joined_seq").Default(0).
			Annotations(entsql.Default("0"), personal.Technical("updates up to this number came before they joined", personal.Code)),
		field.Int64("last_read_seq").Default(0).
			Annotations(entsql.Default("0"), personal.Data("to count what is unread", "until they leave", personal.Owner)),
		field.Time("last_visit_at").Optional().Nillable().
			Annotations(personal.Data("to tell what happened since", "until they leave", personal.Owner)),
	}
}

// Indexes of the entity.
func (ConversationMember) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("conversation_id", "account_id").Unique(),
		index.Fields("account_id"),
	}
}

// Policy of the entity: members see each other's rows, and write their own.
func (ConversationMember) Policy() ent.Policy {
	return rule.Policy(rule.Access{
		Read:  []visible.Rule{visible.MembersOf("conversation_id")},
		Write: []visible.Rule{visible.OwnedBy("account_id")},
	})
}
