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

// AuditEntry says who did what to whom, of all that is privileged or about somebody's security. Its ids
// are no references: an entry outlives what it is about.
type AuditEntry struct{ ent.Schema }

// Mixin of the entity.
func (AuditEntry) Mixin() []ent.Mixin { return []ent.Mixin{ID{}} }

// Fields of the entity. All are immutable, and a trigger refuses updates that go past ent.
func (AuditEntry) Fields() []ent.Field {
	const kept = "400 days"
	return []ent.Field{
		field.Enum("actor_kind").Values("PERSON", "OPERATOR", "SYSTEM").Immutable().
			Annotations(personal.Technical("whether a person, the operator's command line, or Convene itself did it", personal.RowReader)),
		field.UUID("actor_id", uuid.UUID{}).Optional().Nillable().Immutable().
			Annotations(personal.Data("the account that did it; null unless a person did", kept, personal.RowReader)),
		field.String("action").MaxLen(100).Immutable().
			Annotations(personal.Technical("what was done, dotted and in the past tense", personal.RowReader)),
		field.String("target_kind").MaxLen(50).Immutable().
			Annotations(personal.Technical("what it was done to: the prefix of its global id, or another noun", personal.RowReader)),
		field.UUID("target_id", uuid.UUID{}).Optional().Nillable().Immutable().
			Annotations(personal.Technical("the row it was done to; null if it is none", personal.RowReader)),
		field.UUID("account_id", uuid.UUID{}).Optional().Nillable().Immutable().
			Annotations(personal.Data("whom it concerns; null if nobody", kept, personal.RowReader)),
		field.JSON("diff", map[string]any{}).Immutable().
			Annotations(personal.Data("what changed, from what to what, without secrets", kept, personal.RowReader)),
		field.String("request_id").MaxLen(100).Default("").Immutable().
			Annotations(personal.Technical("by which the log knows the request; empty outside of one", personal.RowReader)),
		field.Time("ends_at").Immutable().
			Annotations(personal.Technical("when it goes away", personal.RowReader)),
	}
}

// Indexes of the entity.
func (AuditEntry) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("created_at"),
		index.Fields("account_id", "created_at"),
		index.Fields("actor_id", "created_at"),
		index.Fields("ends_at"),
	}
}

// Annotations of the entity.
func (AuditEntry) Annotations() []schema.Annotation {
	return []schema.Annotation{personal.GlobalID("audit")}
}

// Policy of the entity: those who look after the service read it. Nobody but Convene itself writes it.
func (AuditEntry) Policy() ent.Policy {
	return rule.Policy(rule.Access{Read: []visible.Rule{visible.ToAdmins}})
}
