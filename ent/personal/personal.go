// Package personal makes each ent field say whether it is about a person, and if so what it is for, how
// long it is kept and who may read it. Code generation fails for a field that does not say.
package personal

// Reader is who may read a field.
type Reader string

// Readers, from the widest to the narrowest. A field may be bound straight to the API only if its reader
// is RowReader; any other needs a resolver.
const (
	// RowReader is whoever may read the row.
	RowReader Reader = "whoever reads the row"
	// Owner is the person the row is about.
	Owner Reader = "its owner"
	// Code is no person at all: only Convene's own code.
	Code Reader = "nobody"
)

// Retentions that several fields share.
const (
	WithAccount = "until the account is erased"
	WithRow     = "as long as the row"
)

// Name is the annotation's name in ent's graph.
const Name = "Personal"

// Field is what a field declares.
type Field struct {
	// Purpose is what the datum is for; for a technical field, what the field does.
	Purpose string `json:"purpose"`
	// Retention is when it goes away.
	Retention string `json:"retention"`
	// Reader is who may read it.
	Reader Reader `json:"reader"`
	// IsPersonal tells data about a person from technical fields.
	IsPersonal bool `json:"isPersonal"`
}

// Name implements ent's schema.Annotation.
func (Field) Name() string { return Name }

// Data declares a field that is about a person.
func Data(purpose, retention string, reader Reader) Field {
	return Field{Purpose: purpose, Retention: retention, Reader: reader, IsPersonal: true}
}

// Technical declares a field that says nothing about a person beyond that the row exists.
func Technical(purpose string, reader Reader) Field {
	return Field{Purpose: purpose, Retention: WithRow, Reader: reader}
}

// Prefix is an annotation of a whole entity: the prefix of its global ids.
type Prefix struct {
	// Text is the prefix; it never changes once released.
	Text string `json:"text"`
}

// PrefixName is the annotation's name in ent's graph.
const PrefixName = "Prefix"

// Name implements ent's schema.Annotation.
func (Prefix) Name() string { return PrefixName }

// GlobalID gives an entity a global id with this prefix.
func GlobalID(prefix string) Prefix { return Prefix{Text: prefix} }
