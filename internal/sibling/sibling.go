// Package sibling keeps the number of statements independent of the number of rows: the rows that one
// query returned are siblings, and the first of them that needs something fetches it for all of them.
// No timer is involved, so the statements of a query are the same in every run.
package sibling

import (
	"context"
	"sync"
)

// A Group is the rows that one query returned.
type Group struct {
	rows []any
	mu   sync.Mutex
	once map[string]*cell
}

type cell struct {
	once   sync.Once
	values any
	err    error
}

// A Row remembers which rows it was returned with. Every ent entity is one.
type Row interface {
	Siblings() *Group
	SetSiblings(*Group)
}

// Join makes the rows siblings and returns them.
func Join[R Row](rows []R) []R {
	g := &Group{rows: make([]any, len(rows))}
	for i, row := range rows {
		g.rows[i] = row
		row.SetSiblings(g)
	}
	return rows
}

// Load returns what belongs to the row's key. The first sibling that asks under this name fetches for
// the keys of all; name must tell apart whatever fetch depends on besides the keys. A key for which
// fetch has nothing gives the zero value.
func Load[R Row, K comparable, V any](
	ctx context.Context, row R, name string, key func(R) K, fetch func(context.Context, []K) (map[K]V, error),
) (V, error) {
	g := group(row)
	c := g.cell(name)
	c.once.Do(func() {
		keys := make([]K, 0, len(g.rows))
		seen := make(map[K]bool, len(g.rows))
		for _, r := range g.rows {
			if k := key(r.(R)); !seen[k] {
				seen[k] = true
				keys = append(keys, k)
			}
		}
		c.values, c.err = fetch(ctx, keys)
	})
	if c.err != nil {
		var none V
		return none, c.err
	}
	return c.values.(map[K]V)[key(row)], nil
}

// Prime puts values that came with the rows in place of a later fetch under this name.
func Prime[R Row, K comparable, V any](row R, name string, values map[K]V) {
	c := group(row).cell(name)
	c.once.Do(func() { c.values = values })
}

// alone guards the joining of rows that were returned alone and never joined: several of their fields may
// be resolved at once.
var alone sync.Mutex

func group[R Row](row R) *Group {
	alone.Lock()
	defer alone.Unlock()
	if row.Siblings() == nil {
		Join([]R{row})
	}
	return row.Siblings()
}

func (g *Group) cell(name string) *cell {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.once == nil {
		g.once = map[string]*cell{}
	}
	c, ok := g.once[name]
	if !ok {
		c = &cell{}
		g.once[name] = c
	}
	return c
}
