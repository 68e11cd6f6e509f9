package wall

import (
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// counts is what a piece of a document asks.
type counts struct {
	tokens, fields, aliases, directives int
	// roots are the fields that it selects directly.
	roots int
	// depth is how deep fields stand inside of each other, introspection the same below __schema and __type.
	depth, introspection int
}

// A piece is an operation or a fragment, counted by itself.
type piece struct {
	counts
	spreads []spread
}

// A spread is where a piece holds a fragment.
type spread struct {
	name string
	// depth is how many fields it stands in.
	depth int
	// isIntrospection is whether __schema or __type is one of them.
	isIntrospection bool
}

// counter counts a document: each piece once, and what its spreads hold added up.
type counter struct {
	fragments map[string]*piece
	totals    map[string]*counts
	// open are the fragments being added up: one that holds itself has no total.
	open    map[string]bool
	spread  map[string]bool
	alone   int // the tokens of all fragments, each with what it holds
	deepest int // of values
	steps   int // selections and values that were looked at
}

func newCounter(doc *ast.QueryDocument) *counter {
	c := &counter{
		fragments: make(map[string]*piece, len(doc.Fragments)), totals: make(map[string]*counts, len(doc.Fragments)),
		open: map[string]bool{}, spread: map[string]bool{},
	}
	for _, f := range doc.Fragments {
		p := c.count(f.SelectionSet)
		c.directives(p, f.Directives)
		// Two fragments of one name are for the validator to refuse: what either asks counts.
		if first := c.fragments[f.Name]; first != nil {
			first.add(p.counts, spread{})
			first.spreads = append(first.spreads, p.spreads...)
			continue
		}
		c.fragments[f.Name] = p
	}
	return c
}

// count counts a set of selections without what its fragments hold.
func (c *counter) count(set ast.SelectionSet) *piece {
	p := &piece{}
	Visit(set, nil, func(s ast.Selection, in []*ast.Field) Step {
		c.steps++
		p.tokens = add(p.tokens, 1)
		below := len(in) > 0 && IsIntrospection(in[0]) // only roots have it
		switch s := s.(type) {
		case *ast.Field:
			p.field(s, len(in), below || IsIntrospection(s))
			c.directives(p, s.Directives)
			for _, a := range s.Arguments {
				p.tokens = add(p.tokens, c.value(a.Value, 1)+1)
			}
		case *ast.InlineFragment:
			c.directives(p, s.Directives)
		case *ast.FragmentSpread:
			c.directives(p, s.Directives)
			c.spread[s.Name] = true
			p.spreads = append(p.spreads, spread{s.Name, len(in), below})
			return Over
		}
		return Into
	})
	return p
}

func (p *piece) field(f *ast.Field, in int, isIntrospection bool) {
	p.fields++
	if in == 0 {
		p.roots++
	}
	if f.Alias != f.Name {
		p.aliases++
	}
	if isIntrospection {
		p.introspection = max(p.introspection, in+1)
	} else {
		p.depth = max(p.depth, in+1)
	}
}

func (c *counter) directives(p *piece, list ast.DirectiveList) {
	p.directives += len(list)
	for _, d := range list {
		p.tokens = add(p.tokens, 1)
		for _, a := range d.Arguments {
			p.tokens = add(p.tokens, c.value(a.Value, 1)+1)
		}
	}
}

// value counts the tokens of a value that stands in so many others.
func (c *counter) value(v *ast.Value, depth int) int {
	c.steps++
	if v == nil {
		return 0
	}
	if len(v.Children) > 0 || v.Kind == ast.ListValue || v.Kind == ast.ObjectValue {
		c.deepest = max(c.deepest, depth)
	}
	n := 1
	for _, child := range v.Children {
		n += c.value(child.Value, depth+1)
	}
	return n
}

// add adds what a fragment asks at a spread.
func (t *counts) add(of counts, at spread) {
	t.tokens, t.fields = add(t.tokens, of.tokens), add(t.fields, of.fields)
	t.aliases, t.directives = add(t.aliases, of.aliases), add(t.directives, of.directives)
	if at.depth == 0 {
		t.roots = add(t.roots, of.roots)
	}
	if at.isIntrospection {
		t.introspection = max(t.introspection, at.depth+max(of.depth, of.introspection))
		return
	}
	if of.depth > 0 {
		t.depth = max(t.depth, at.depth+of.depth)
	}
	if of.introspection > 0 {
		t.introspection = max(t.introspection, at.depth+of.introspection)
	}
}

// total is what a piece asks with its fragments. The error is one of a fragment that holds itself.
func (c *counter) total(p *piece) (counts, *gqlerror.Error) {
	sum := p.counts
	for _, s := range p.spreads {
		c.steps++
		of, err := c.fragment(s.name)
		if err != nil {
			return counts{}, err
		}
		sum.add(of, s)
	}
	return sum, nil
}

func (c *counter) fragment(name string) (counts, *gqlerror.Error) {
	if known := c.totals[name]; known != nil {
		return *known, nil
	}
	p := c.fragments[name]
	if p == nil {
		return counts{}, nil // the validator says so
	}
	if c.open[name] {
		return counts{}, errCycle(name)
	}
	c.open[name] = true
	sum, err := c.total(p)
	if err != nil {
		return counts{}, err
	}
	delete(c.open, name)
	c.totals[name] = &sum
	return sum, nil
}
