package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"

	"github.com/convenehq/convene/ent/personal"
	"github.com/convenehq/convene/ent/rule"
	"github.com/convenehq/convene/ent/visible"
)

// Profile is a public persona; its id is the account's.
type Profile struct{ ent.Schema }

// Mixin of the entity.
func (Profile) Mixin() []ent.Mixin { return []ent.Mixin{ID{}, Version{}} }

// Fields of the entity.
func (Profile) Fields() []ent.Field {
	return []ent.Field{
		field.String("username").MaxLen(30).Unique().
			Annotations(personal.Data("the handle to be found and addressed by", personal.WithAccount, personal.RowReader)),
		field.Time("hidden_at").Optional().Nillable().
			Annotations(personal.Data("since when nobody sees it: the account is deactivated or banned", personal.WithAccount, personal.Code)),
		field.String("display_name").MaxRuneLen(50).
			Annotations(personal.Data("the name shown to others", personal.WithAccount, personal.RowReader)),
	}
}

// Annotations of the entity.
func (Profile) Annotations() []schema.Annotation {
	return []schema.Annotation{personal.GlobalID("profile")}
}

// Policy of the entity: everybody who is signed in and not blocked either way reads; oneself writes.
func (Profile) Policy() ent.Policy {
	return rule.Policy(rule.Access{
		Read:  []visible.Rule{visible.VisibleProfiles},
		Write: []visible.Rule{visible.OwnedBy("id")},
	})
}
