package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
	"github.com/google/uuid"

	"github.com/convenehq/convene/ent/personal"
	"github.com/convenehq/convene/ent/rule"
	"github.com/convenehq/convene/ent/visible"
)

// Block keeps two people apart, both ways; only the one who made it knows of it.
type Block struct{ ent.Schema }

// Mixin of the entity.
func (Block) Mixin() []ent.Mixin { return []ent.Mixin{ID{}} }

// Fields of the entity.
func (Block) Fields() []ent.Field {
	const until = "until it is taken back or either account is erased"
	return []ent.Field{
		field.UUID("blocker_id", uuid.UUID{}).Immutable().
			Annotations(personal.Data("who wants to be left alone", until, personal.RowReader)),
		field.UUID("blocked_id", uuid.UUID{}).Immutable().
			Annotations(personal.Data("who is kept away", until, personal.RowReader)),
	}
}

// Indexes of the entity.
func (Block) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("blocker_id", "blocked_id").Unique(),
		index.Fields("blocked_id"),
	}
}

// Annotations of the entity.
func (Block) Annotations() []schema.Annotation {
	return []schema.Annotation{personal.GlobalID("block")}
}

// Policy of the entity: whoever made it.
func (Block) Policy() ent.Policy {
	own := []visible.Rule{visible.OwnedBy("blocker_id")}
	return rule.Policy(rule.Access{Read: own, Write: own, CreateOwn: "blocker_id"})
}
