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
		field.UUID("invited_by", uuid.UUID{}).Optional().Nillable().
			Annotations(personal.Data("who let them in: they are told, and the inviter is told how many", "until either account is erased", personal.Owner)),
		field.String("email_pending").Optional().Nillable().MaxLen(254).
			Annotations(personal.Data("the address to be, once it is proved", "7 days, or until it is proved", personal.Code)),
		field.Time("email_pending_at").Optional().Nillable().
			Annotations(personal.Data("a change of the address lapses 7 days after it", "7 days, or until the address is proved", personal.Code)),
		field.Time("reset_pending_at").Optional().Nillable().
			Annotations(personal.Data("a new password was asked for before the address was proved", "until the address is proved", personal.Code)),
		field.Time("claim_told_at").Optional().Nillable().
			Annotations(personal.Data("when the owner was told last that somebody else claims the address", personal.WithAccount, personal.Code)),
		field.Time("deactivated_at").Optional().Nillable().
			Annotations(personal.Data("since when its person has hidden it", personal.WithAccount, personal.Code)),
		field.Time("erase_after").Optional().Nillable().
			Annotations(personal.Data("when it is to be erased, unless its person comes back before", personal.WithAccount, personal.Code)),
		field.Time("erased_at").Optional().Nillable().
			Annotations(personal.Data("since when it is being erased; the row goes last", personal.WithAccount, personal.Code)),
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
		index.Fields("invited_by").Annotations(entsql.IndexWhere("(invited_by IS NOT NULL)")),
		index.Fields("erase_after").Annotations(entsql.IndexWhere("(erase_after IS NOT NULL)")),
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
