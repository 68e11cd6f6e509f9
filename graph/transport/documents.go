package transport

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/convenehq/convene/graph/transport/wall"
	"github.com/convenehq/convene/internal/fault"
)

// A document has passed the wall and is valid. Nobody changes it any more: all who send its text execute it.
type document struct {
	text string
	*ast.QueryDocument
	// costs are those of its operations that cost the same whatever the variables.
	costs map[*ast.OperationDefinition]int
}

// documents are what clients have asked lately. A document that is among them is neither parsed nor validated again.
type documents struct {
	limits wall.Limits
	schema *ast.Schema
	rules  wall.Rules
	prices *wall.Prices
	known  *wall.Memory[*document]
}

// The weights of what is remembered, in bytes. A document weighs what its syntax tree does: about as much for each
// step of the wall, whatever it is that stood there.
const (
	documentsWeight = 8 << 20
	textsWeight     = 2 << 20
	stepWeight      = 600
	entryWeight     = 1 << 10
)

func newDocuments(exec *executor.Executor, l wall.Limits, suggests bool) *documents {
	d := &documents{limits: l, rules: wall.NewRules(suggests), known: wall.NewMemory[*document](documentsWeight)}
	exec.Use(weighing{d})
	exec.SetQueryCache(admitted{})
	exec.SetParserTokenLimit(l.Tokens)
	return d
}

// admit is the document of a text, if it passes.
func (d *documents) admit(text string) (*document, gqlerror.List) {
	if known, ok := d.known.Get(text); ok {
		return known, nil
	}
	doc, steps, errs := d.examine(text)
	if len(errs) > 0 {
		return nil, errs
	}
	d.known.Put(text, doc, len(text)+steps*stepWeight+entryWeight)
	return doc, nil
}

// examine holds a text to the limits and to the rules. It also says how large its syntax tree is.
func (d *documents) examine(text string) (*document, int, gqlerror.List) {
	parsed, steps, err := wall.Parse(text, d.limits)
	if err != nil {
		return nil, 0, gqlerror.List{err}
	}
	if errs := d.rules.Validate(d.schema, parsed); len(errs) > 0 {
		return nil, 0, errs
	}
	doc := &document{text, parsed, make(map[*ast.OperationDefinition]int, len(parsed.Operations))}
	for _, op := range parsed.Operations {
		// Its parts would be executed, wait for somebody to fetch them and never be released.
		if wall.Finds(op.SelectionSet, parsed.Fragments, wall.IsDeferred) {
			return nil, 0, gqlerror.List{shown(&fault.Error{
				Code: fault.CodeValidationFailed, Message: "Nothing is deferred here: leave @defer out.",
			})}
		}
		if estimate := d.prices.Estimate(parsed, op, nil); !estimate.Varies {
			doc.costs[op] = estimate.Cost
		}
	}
	return doc, steps, nil
}

// cost is what the answers to queries and mutations say in `extensions.cost`.
type cost struct {
	Requested int `json:"requested"`
	Limit     int `json:"limit"`
}

// costKey is where an operation's cost stands among what the executor notes of it.
const costKey = "cost"

// admitted is gqlgen's cache of documents, what stands in which skips validation: it has the one that the context's
// operation is of, and takes none.
type admitted struct{}

type admittedKey struct{}

func withDocument(ctx context.Context, doc *document) context.Context {
	return context.WithValue(ctx, admittedKey{}, doc)
}

// Get implements graphql.Cache.
func (admitted) Get(ctx context.Context, text string) (*ast.QueryDocument, bool) {
	doc, ok := ctx.Value(admittedKey{}).(*document)
	if !ok || doc.text != text {
		return nil, false
	}
	return doc.QueryDocument, true
}

// Add implements graphql.Cache.
func (admitted) Add(context.Context, string, *ast.QueryDocument) {}

// weighing is the extension of the executor that weighs operations. It sees the schema, which an executor shows to
// extensions alone.
type weighing struct{ *documents }

// ExtensionName implements graphql.HandlerExtension.
func (weighing) ExtensionName() string { return "Weighing" }

// Validate implements graphql.HandlerExtension.
func (w weighing) Validate(of graphql.ExecutableSchema) error {
	w.schema = of.Schema()
	w.prices = wall.NewPrices(w.schema)
	return nil
}

// MutateOperationContext implements graphql.OperationContextMutator: it notes what an operation costs with its
// variables, and refuses what costs too much.
func (w weighing) MutateOperationContext(ctx context.Context, op *graphql.OperationContext) *gqlerror.Error {
	doc, ok := ctx.Value(admittedKey{}).(*document)
	if !ok {
		return nil
	}
	c := cost{Limit: w.limits.Cost}
	if op.Operation.Operation == ast.Subscription {
		c.Limit = w.limits.UpdateCost
	}
	c.Requested, ok = doc.costs[op.Operation]
	if !ok {
		c.Requested = w.prices.Estimate(doc.QueryDocument, op.Operation, op.Variables).Cost
	}
	if c.Requested > c.Limit {
		return w.prices.TooDear(doc.QueryDocument, op.Operation, op.Variables, c.Requested, c.Limit)
	}
	op.Stats.SetExtension(costKey, c)
	return nil
}
