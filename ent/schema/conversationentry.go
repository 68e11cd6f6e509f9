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

// ConversationEntry is an entry of a conversation's stream other than a message: an edit, a deletion,
// or a hidden one that draws or lifts a curtain.
type ConversationEntry struct{ ent.Schema }

// Mixin of the entity.
func (ConversationEntry) Mixin() []ent.Mixin { return []ent.Mixin{ID{}} }

// Fields of the entity.
func (ConversationEntry) Fields() []ent.Field {
	return []ent.Field{
		field.UUID("conversation_id", uuid.UUID{}).Immutable().
			Annotations(personal.Technical("whose stream", personal.Code)),
		field.Int64("seq").Immutable().
			Annotations(personal.Technical("its number in the stream", personal.Code)),
		field.Enum("kind").Values("EDITED", "DELETED", "CURTAIN_DRAWN", "CURTAIN_LIFTED").Immutable().
			Annotations(personal.Technical("what happened", personal.Code)),
		field.UUID("message_id", uuid.UUID{}).Optional().Nillable().Immutable().
			Annotations(personal.Technical("the message that changed", personal.Code)),
		field.UUID("lower_id", uuid.UUID{}).Optional().Nillable().Immutable().
			Annotations(personal.Data("one of the two a curtain is between", "30 days", personal.Code)),
		field.UUID("upper_id", uuid.UUID{}).Optional().Nillable().Immutable().
			Annotations(personal.Data("the other of the two", "30 days", personal.Code)),
		field.Text("body_before").Optional().Nillable().
			Annotations(personal.Data("the text before an edit that a curtain hides from somebody, who goes on seeing this one",
				"until the message is edited openly or deleted, or its author is erased", personal.Code)),
		field.Time("edited_before").Optional().Nillable().
			Annotations(personal.Technical("when that text was last changed", personal.Code)),
	}
}

// Indexes of the entity.
func (ConversationEntry) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("conversation_id", "seq").Unique(),
		index.Fields("created_at"),
		index.Fields("message_id").StorageKey("conversationentry_kept").
			Annotations(entsql.IndexWhere("(body_before IS NOT NULL)")),
	}
}

// Policy of the entity: Convene's own code only; people get updates through the subscription.
func (ConversationEntry) Policy() ent.Policy { return rule.Policy(rule.Access{}) }
