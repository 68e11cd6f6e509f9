package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
	"github.com/google/uuid"

	"github.com/convenehq/convene/ent/personal"
	"github.com/convenehq/convene/ent/rule"
)

// Curtain hides from two people, in a conversation they share with others, what either wrote between a
// block and its end. The two ids stand in order: a curtain does not tell who blocked whom.
type Curtain struct{ ent.Schema }

// Mixin of the entity.
func (Curtain) Mixin() []ent.Mixin { return []ent.Mixin{ID{}} }

// Fields of the entity.
func (Curtain) Fields() []ent.Field {
	const until = "until either account is erased"
	return []ent.Field{
		field.UUID("conversation_id", uuid.UUID{}).Immutable().
			Annotations(personal.Technical("where it hangs", personal.Code)),
		field.UUID("lower_id", uuid.UUID{}).Immutable().
			Annotations(personal.Data("the one with the lower id", until, personal.Code)),
		field.UUID("upper_id", uuid.UUID{}).Immutable().
			Annotations(personal.Data("the one with the higher id", until, personal.Code)),
		field.Int64("from_seq").Immutable().
			Annotations(personal.Technical("hides what has a higher number", personal.Code)),
		field.Int64("until_seq").Optional().Nillable().
			Annotations(personal.Technical("hides what has a lower number; null while the block stands", personal.Code)),
	}
}

// Indexes of the entity.
func (Curtain) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("conversation_id", "lower_id", "upper_id", "from_seq").Unique(),
		index.Fields("upper_id"),
		index.Fields("lower_id"),
	}
}

// Policy of the entity: Convene's own code only.
func (Curtain) Policy() ent.Policy { return rule.Policy(rule.Access{}) }
