package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"

	"github.com/convenehq/convene/ent/personal"
	"github.com/convenehq/convene/ent/rule"
	"github.com/convenehq/convene/ent/visible"
)

// Conversation is people writing to each other. Its row is the head of its stream of updates: whoever
// takes a number holds the row's lock until they commit, so numbers follow commits.
type Conversation struct{ ent.Schema }

// Mixin of the entity.
func (Conversation) Mixin() []ent.Mixin { return []ent.Mixin{ID{}} }

// Fields of the entity.
func (Conversation) Fields() []ent.Field {
	return []ent.Field{
		field.Enum("kind").Values("DIRECT", "CIRCLE").Immutable().
			Annotations(personal.Technical("whether it is between two people or of a circle", personal.RowReader)),
		field.String("pair_key").MaxLen(73).Optional().Nillable().Unique().Immutable().
			Annotations(personal.Data("makes the direct conversation of two people one: their ids in order", personal.WithRow, personal.Code)),
		field.String("title").MaxLen(100).Optional().Nillable().
			Annotations(personal.Data("what the circle calls it", personal.WithRow, personal.Code)),
		field.Int64("seq").Default(0).
			Annotations(entsql.Default("0"), personal.Technical("the last number taken", personal.Code)),
		field.Int64("floor_seq").Default(0).
			Annotations(entsql.Default("0"), personal.Technical("updates up to this number are no longer all kept", personal.Code)),
		field.Time("last_message_at").Optional().Nillable().
			Annotations(personal.Technical("orders the inbox", personal.Code)),
	}
}

// Annotations of the entity.
func (Conversation) Annotations() []schema.Annotation {
	return []schema.Annotation{personal.GlobalID("conversation")}
}

// Policy of the entity: its members.
func (Conversation) Policy() ent.Policy {
	return rule.Policy(rule.Access{Read: []visible.Rule{visible.MembersOf("id")}})
}
