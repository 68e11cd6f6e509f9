package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/convenehq/convene/ent/personal"
	"github.com/convenehq/convene/ent/rule"
	"github.com/convenehq/convene/ent/visible"
	"github.com/convenehq/convene/internal/viewer"
)

// Account is a private login identity. Its id is the profile's id too.
type Account struct{ ent.Schema }

// Mixin of the entity.
func (Account) Mixin() []ent.Mixin { return []ent.Mixin{ID{}, Version{}} }

// Fields of the entity.
func (Account) Fields() []ent.Field {
	return []ent.Field{
		field.String("username").MaxLen(30).Unique().
			Annotations(personal.Data("the handle to sign in with", personal.WithAccount, personal.RowReader)),
		field.String("email").MaxLen(254).
			Annotations(personal.Data("to sign in, and for mails about the account", personal.WithAccount, personal.RowReader)),
		field.Time("email_claimed_at").
			Annotations(personal.Data("an unproved claim lapses 7 days after it", personal.WithAccount, personal.Code)),
		field.Time("email_verified_at").Optional().Nillable().
			Annotations(personal.Data("an address belongs to an account once proved", personal.WithAccount, personal.Code)),
		field.String("password_hash").Sensitive().
			Annotations(entsql.Annotation{Size: 512}, personal.Data("to check the password", personal.WithAccount, personal.Code)),
		// Each with a default that PostgreSQL knows: nodes from before it write accounts too.
		field.Enum("role").GoType(viewer.Role("")).Default(string(viewer.RoleUser)).
			Annotations(personal.Data("what the account may do for the service beyond what anybody may", personal.WithAccount, personal.RowReader)),
		field.Time("banned_at").Optional().Nillable().
			Annotations(personal.Data("since when the account is kept out", personal.WithAccount, personal.Code)),
		field.String("ban_reason").Optional().Nillable().MaxLen(500).
			Annotations(personal.Data("why, for those who look after the service", "until the ban is taken back", personal.Code)),
		field.Time("last_login_at").Optional().Nillable().
			Annotations(personal.Data("when its person last signed in", personal.WithAccount, personal.RowReader)),
	}
}

// Indexes of the entity.
func (Account) Indexes() []ent.Index {
	return []ent.Index{
		// An address has one owner, but any number of unproved claims.
		index.Fields("email").Unique().StorageKey("account_email_verified").
			Annotations(entsql.IndexWhere("(email_verified_at IS NOT NULL)")),
		index.Fields("email", "email_claimed_at").StorageKey("account_email_claimed").
			Annotations(entsql.IndexWhere("(email_verified_at IS NULL)")),
	}
}

// Annotations of the entity.
func (Account) Annotations() []schema.Annotation {
	return []schema.Annotation{personal.GlobalID("account")}
}

// Policy of the entity: oneself.
func (Account) Policy() ent.Policy {
	own := []visible.Rule{visible.OwnedBy("id")}
	return rule.Policy(rule.Access{Read: own, Write: own})
}
