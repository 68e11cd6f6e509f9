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

// AuthSession is one place where an account is signed in.
type AuthSession struct{ ent.Schema }

// Mixin of the entity.
func (AuthSession) Mixin() []ent.Mixin { return []ent.Mixin{ID{}} }

// Fields of the entity.
func (AuthSession) Fields() []ent.Field {
	const gone = "30 days after the session ended"
	return []ent.Field{
		field.UUID("account_id", uuid.UUID{}).Immutable().
			Annotations(personal.Data("whose session it is", gone, personal.RowReader)),
		field.String("device_label").MaxLen(100).Default("").
			Annotations(personal.Data("lets people recognize their devices", gone, personal.RowReader)),
		field.Int("generation").Default(0).
			Annotations(personal.Technical("which refresh token is the current one", personal.Code)),
		field.Bool("is_cookie").Default(false).Immutable().
			Annotations(personal.Technical("whether the session lives in a cookie and has no refresh token", personal.Code)),
		field.Time("rotated_at").Default(now).
			Annotations(personal.Technical("two tabs may refresh at once shortly after it", personal.Code)),
		field.Time("last_used_at").Default(now).
			Annotations(personal.Data("lets people recognize sessions they forgot", gone, personal.RowReader)),
		field.Time("expires_at").
			Annotations(personal.Technical("when it ends unless used", personal.RowReader)),
		field.Time("ends_at").Immutable().
			Annotations(personal.Technical("when it ends even if used", personal.Code)),
		field.Time("revoked_at").Optional().Nillable().
			Annotations(personal.Technical("when it was ended by hand or for misuse", personal.RowReader)),
		field.String("ip_prefix").MaxLen(49).Default("").Immutable().
			Annotations(personal.Data("the network it was signed in from, so that people recognize what was not them", gone, personal.RowReader)),
		field.Time("authenticated_at").Default(now).
			Annotations(entsql.Default("now()"), personal.Technical("when the password was last proved in it", personal.Code)),
	}
}

// Indexes of the entity.
func (AuthSession) Indexes() []ent.Index {
	return []ent.Index{index.Fields("account_id", "last_used_at")}
}

// Annotations of the entity.
func (AuthSession) Annotations() []schema.Annotation {
	return []schema.Annotation{personal.GlobalID("session")}
}

// Policy of the entity: one's own.
func (AuthSession) Policy() ent.Policy {
	own := []visible.Rule{visible.OwnedBy("account_id")}
	return rule.Policy(rule.Access{Read: own, Write: own})
}
