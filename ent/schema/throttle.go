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

// Throttle is how often something was tried, such as to sign in by one name from one network.
type Throttle struct{ ent.Schema }

// Mixin of the entity.
func (Throttle) Mixin() []ent.Mixin { return []ent.Mixin{ID{}} }

// Fields of the entity.
func (Throttle) Fields() []ent.Field {
	const short = "a day at most after the last try"
	return []ent.Field{
		field.Bytes("scope").Immutable().
			Annotations(entsql.Annotation{Size: 32}, personal.Data("keyed hash of what was tried, by whom or where", short, personal.Code)),
		field.Int("tries").
			Annotations(personal.Data("how often", short, personal.Code)),
		field.Time("until").
			Annotations(personal.Data("when it may be tried again", short, personal.Code)),
		field.UUID("last_try", uuid.UUID{}).
			Annotations(personal.Technical("which try was counted last", personal.Code)),
		field.Time("ends_at").
			Annotations(personal.Technical("when it is forgotten", personal.Code)),
	}
}

// Indexes of the entity.
func (Throttle) Indexes() []ent.Index {
	return []ent.Index{index.Fields("scope").Unique(), index.Fields("ends_at")}
}

// Policy of the entity: Convene's own code only.
func (Throttle) Policy() ent.Policy { return rule.Policy(rule.Access{}) }
