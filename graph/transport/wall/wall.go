package wall

import (
	"errors"
	"fmt"
	"strings"

	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/lexer"
	"github.com/vektah/gqlparser/v2/parser"

	"github.com/convenehq/convene/internal/fault"
)

// Parse reads a document and lets it through the wall. It also says how many steps that took, which is how large the
// document is.
func Parse(text string, l Limits) (doc *ast.QueryDocument, steps int, _ *gqlerror.Error) {
	if len(text) > l.Bytes {
		return nil, 0, exceeded(limitBytes, l.Bytes, len(text), "The document has too many bytes")
	}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, l.Tokens)
	if err != nil {
		var known *gqlerror.Error
		if !errors.As(err, &known) {
			known = gqlerror.Wrap(err)
		}
		return nil, 0, unreadable(text, l, known)
	}
	if doc == nil || len(doc.Operations) == 0 {
		return nil, 0, invalid("The document has no operation.")
	}
	if hasHalfPair(text) {
		return nil, 0, &gqlerror.Error{
			Message:    "A string of the document escapes half of a surrogate pair, which is no character.",
			Extensions: map[string]any{"code": fault.CodeParseFailed},
		}
	}
	steps, tooMuch := Check(doc, l)
	if tooMuch != nil {
		return nil, steps, tooMuch
	}
	return doc, steps, nil
}

// Check is the wall: it holds a document that was parsed to the limits.
func Check(doc *ast.QueryDocument, l Limits) (steps int, _ *gqlerror.Error) {
	c := newCounter(doc)
	sum, err := c.document(doc, l)
	if err == nil {
		err = c.within(sum, l)
	}
	return c.steps, err
}

// document adds up all operations, and the fragments that nobody spreads: whoever validates looks at them too.
func (c *counter) document(doc *ast.QueryDocument, l Limits) (sum counts, _ *gqlerror.Error) {
	for _, op := range doc.Operations {
		p := c.count(op.SelectionSet)
		c.directives(p, op.Directives)
		for _, v := range op.VariableDefinitions {
			c.directives(p, v.Directives)
			p.tokens = add(p.tokens, c.value(v.DefaultValue, 1)+1)
		}
		if n := len(op.VariableDefinitions); n > l.Variables {
			return sum, exceeded(limitVariables, l.Variables, n, "An operation declares too many variables")
		}
		of, err := c.total(p)
		if err != nil {
			return sum, err
		}
		if op.Operation == ast.Mutation && of.roots > l.Mutations {
			return sum, exceeded(limitMutations, l.Mutations, of.roots, "One document does too many mutations")
		}
		sum.add(of, spread{})
	}
	for _, f := range doc.Fragments {
		of, err := c.fragment(f.Name) // one that holds itself, too
		if err != nil {
			return sum, err
		}
		if !c.spread[f.Name] {
			sum.add(of, spread{})
		}
		c.alone = add(c.alone, of.tokens)
	}
	return sum, nil
}

// within holds what a document asks to the limits.
func (c *counter) within(sum counts, l Limits) *gqlerror.Error {
	for _, b := range []struct {
		name, about    string
		allowed, found int
	}{
		{limitFields, "The document selects too many fields, with those of a fragment counted at each spread", l.Fields, sum.fields},
		{limitDepth, "The document's fields stand too deep inside of each other", l.Depth, sum.depth},
		{limitIntrospection, "The document asks too deep into the schema", l.IntrospectionDepth, sum.introspection},
		{limitAliases, "The document has too many aliases, with those of a fragment counted at each spread", l.Aliases, sum.aliases},
		{limitDirectives, "The document has too many directives, with those of a fragment counted at each spread", l.Directives, sum.directives},
		{limitTokens, "The document has too many tokens if each fragment stands in the place of its spreads", l.Tokens, sum.tokens},
		{limitFragments, "The document's fragments are too large together, each with those that it holds", times(fragmentTokens, l.Tokens), c.alone},
		{limitValueDepth, "A value of the document is nested too deep", deepestValue, c.deepest},
	} {
		if b.found > b.allowed {
			return exceeded(b.name, b.allowed, b.found, b.about)
		}
	}
	return nil
}

// unreadable says what the parser stumbled upon. Where that is a limit of its own, it is named like the others.
func unreadable(text string, l Limits, err *gqlerror.Error) *gqlerror.Error {
	switch {
	case strings.HasPrefix(err.Message, "exceeded token limit"):
		return exceeded(limitTokens, l.Tokens, max(tokens(text), l.Tokens+1), "The document has too many tokens")
	case strings.HasPrefix(err.Message, "exceeded maximum nesting depth"):
		return exceeded(limitDepth, l.Depth, parser.MaxNestingDepth+1, "The document's fields and values stand too deep inside of each other")
	}
	errcode.Set(err, errcode.ParseFailed)
	return err
}

// tokens counts the tokens of a text that has too many of them to be parsed.
func tokens(text string) (n int) {
	l := lexer.New(&ast.Source{Input: text})
	for {
		token, err := l.ReadToken()
		if err != nil || token.Kind == lexer.EOF {
			return n
		}
		n++
	}
}

func errCycle(name string) *gqlerror.Error {
	return invalid(fmt.Sprintf("The fragment %q holds itself.", name))
}

func invalid(message string) *gqlerror.Error {
	return &gqlerror.Error{Message: message, Extensions: map[string]any{"code": fault.CodeValidationFailed}}
}
