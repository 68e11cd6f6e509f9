// Package schema declares the entities: their fields, what each field is for, and who may see a row. One
// file each; the rest of package ent is generated from it.
package schema

import (
	"time"

	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/mixin"
	"github.com/google/uuid"

	"github.com/convenehq/convene/ent/personal"
)

// ID gives an entity a UUIDv7 that shows the time of its making, and created_at.
//
// No base mixin has a policy: an Allow in a mixin would skip the denial at the end of the schema's own.
type ID struct{ mixin.Schema }

// Fields of the mixin.
func (ID) Fields() []ent.Field {
	return []ent.Field{
		field.UUID("id", uuid.UUID{}).Default(newID).Immutable().
			Annotations(personal.Technical("names the row", personal.RowReader)),
		createdAt(),
	}
}

// Version gives an entity updated_at and a count of its changes.
type Version struct{ mixin.Schema }

// Fields of the mixin.
func (Version) Fields() []ent.Field {
	return []ent.Field{
		field.Time("updated_at").Default(now).UpdateDefault(now).
			Annotations(entsql.Default("now()"), personal.Technical("says when the row last changed", personal.RowReader)),
		field.Int("version").Default(1).
			Annotations(entsql.Default("1"), personal.Technical("counts the changes, so that a stale edit is noticed", personal.RowReader)),
	}
}

func createdAt() ent.Field {
	return field.Time("created_at").Default(now).Immutable().
		Annotations(entsql.Default("now()"), personal.Technical("says when the row was made", personal.RowReader))
}

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// now is a moment as PostgreSQL stores it, so that a row just written equals the row read again.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
