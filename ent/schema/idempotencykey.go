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

// IdempotencyKey remembers for a day what a mutation did under a key, so that a retry does it once.
type IdempotencyKey struct{ ent.Schema }

// Mixin of the entity.
func (IdempotencyKey) Mixin() []ent.Mixin { return []ent.Mixin{ID{}} }

// Fields of the entity.
func (IdempotencyKey) Fields() []ent.Field {
	return []ent.Field{
		field.Bytes("scope").Immutable().
			Annotations(entsql.Annotation{Size: 32}, personal.Technical("keyed hash of who used which key for which mutation", personal.Code)),
		field.Bytes("input_mac").Immutable().
			Annotations(entsql.Annotation{Size: 32}, personal.Technical("keyed hash of the input without its secrets", personal.Code)),
		field.UUID("result_id", uuid.UUID{}).
			Annotations(personal.Technical("the row that the first try made", personal.Code)),
		field.Time("expires_at").
			Annotations(personal.Technical("when the key may be used anew", personal.Code)),
	}
}

// Indexes of the entity.
func (IdempotencyKey) Indexes() []ent.Index {
	return []ent.Index{index.Fields("scope").Unique(), index.Fields("expires_at")}
}

// Policy of the entity: Convene's own code only.
func (IdempotencyKey) Policy() ent.Policy { return rule.Policy(rule.Access{}) }
