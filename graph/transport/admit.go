package transport

import (
	"context"
	"errors"
	"io"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/limit"
)

// mutationWeight is how much each field of a mutation counts. What it changes is kept, and goes to everybody
// whom it concerns: that costs more than to answer it.
const mutationWeight = 5

// Weigh is what an operation counts towards the limits of whoever asks, where Options say nothing else: a
// query and a subscription count 1, a mutation 5 for each field of its root, because each is an act.
func Weigh(op *graphql.OperationContext) int {
	if op.Operation.Operation != ast.Mutation {
		return 1
	}
	return max(1, mutationWeight*len(graphql.CollectFields(op, op.Operation.SelectionSet, []string{"Mutation"})))
}

// admit counts an operation that has come: whoever has asked for too much already has it not even parsed.
func (h *Handler) admit(ctx context.Context, over carrier) gqlerror.List {
	return refused(over, "none", limit.From(ctx).Ask(ctx, 1))
}

// weigh counts what an operation asks for beyond having come.
func (h *Handler) weigh(ctx context.Context, over carrier, op *graphql.OperationContext) gqlerror.List {
	return refused(over, string(op.Operation.Operation), limit.From(ctx).Ask(ctx, h.Weigh(op)-1))
}

// bodyStep is how many bytes of a body count 1 towards the limits of whoever sends it: it is held until all of it is here,
// which may take its time.
const bodyStep = 8 << 10

// A weighed body is counted as it arrives.
type weighed struct {
	io.Reader
	ctx  context.Context //nolint:containedctx // of the request, which the body is a part of
	size int
}

// Read implements io.Reader.
func (b *weighed) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	before := b.size / bodyStep
	b.size += n
	if refused := limit.From(b.ctx).Ask(b.ctx, b.size/bodyStep-before); refused != nil {
		return 0, refused
	}
	return n, err
}

func refused(over carrier, kind string, err error) gqlerror.List {
	var known *fault.Error
	if !errors.As(err, &known) {
		return nil
	}
	countOperation(over, kind, known.Code)
	return gqlerror.List{shown(known)}
}
