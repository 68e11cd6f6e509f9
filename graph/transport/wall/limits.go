package wall

import "cmp"

// Limits is how much a document may ask. A zero field means the default.
type Limits struct {
	// Bytes is how long a document is at most: 32 KiB.
	Bytes int
	// Tokens is how many tokens it has at most, also if each fragment stood in the place of its spreads: 4000.
	Tokens int
	// Fields is how many fields it selects at most, those of a fragment counted at each spread, like all that follows: 500.
	Fields int
	// Depth is how deep fields may stand inside of each other: 12.
	Depth int
	// IntrospectionDepth is the same below __schema and __type: 20.
	IntrospectionDepth int
	// Aliases is how many fields may be given another name: 30.
	Aliases int
	// Directives is how many directives there may be: 30.
	Directives int
	// Variables is how many variables one operation may declare: 50.
	Variables int
	// Mutations is how many fields of the root a mutation may select: 5.
	Mutations int
	// Cost is what a query or a mutation may cost: 5000.
	Cost int
	// UpdateCost is what one update of a subscription may cost: 500.
	UpdateCost int
}

// WithDefaults fills the fields that are zero.
func (l Limits) WithDefaults() Limits {
	return Limits{
		Bytes:              cmp.Or(l.Bytes, 32<<10),
		Tokens:             cmp.Or(l.Tokens, 4000),
		Fields:             cmp.Or(l.Fields, 500),
		Depth:              cmp.Or(l.Depth, 12),
		IntrospectionDepth: cmp.Or(l.IntrospectionDepth, 20),
		Aliases:            cmp.Or(l.Aliases, 30),
		Directives:         cmp.Or(l.Directives, 30),
		Variables:          cmp.Or(l.Variables, 50),
		Mutations:          cmp.Or(l.Mutations, 5),
		Cost:               cmp.Or(l.Cost, 5000),
		UpdateCost:         cmp.Or(l.UpdateCost, 500),
	}
}

// deepestValue is how deep lists and objects of a value may stand inside of each other: as deep as JSON may be nested.
const deepestValue = 64

// fragmentTokens is how many times the limit of tokens all fragments may have together, each with those that it holds:
// whoever validates looks at each of them by itself, with all that it holds.
const fragmentTokens = 5

// The limits as errors name them.
const (
	limitBytes         = "bytes"
	limitTokens        = "tokens"
	limitFields        = "fields"
	limitDepth         = "depth"
	limitIntrospection = "introspectionDepth"
	limitAliases       = "aliases"
	limitDirectives    = "directives"
	limitVariables     = "variables"
	limitMutations     = "mutations"
	limitFragments     = "fragments" // fragmentTokens times the tokens
	limitValueDepth    = "valueDepth"
	limitCost          = "cost"
	limitUpdateCost    = "updateCost"
)
