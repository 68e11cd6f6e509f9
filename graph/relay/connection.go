package relay

// A Connection is one page of a list.
type Connection[T any] struct {
	Edges    []*Edge[T]
	PageInfo PageInfo
}

// An Edge is a row of a page with the cursor behind it.
type Edge[T any] struct {
	Node   T
	Cursor string
}

// PageInfo says where a page ends.
type PageInfo struct {
	HasNextPage bool
	EndCursor   *string
}

// Nodes are the rows of the page alone.
func (c *Connection[T]) Nodes() []T {
	nodes := make([]T, len(c.Edges))
	for i, e := range c.Edges {
		nodes[i] = e.Node
	}
	return nodes
}

// NewConnection makes a page of at most page.First rows out of what was read with page.Limit(): one row
// more than asked for tells that there is a next page.
func NewConnection[T any](page Page, rows []T, cursor func(T) string) *Connection[T] {
	c := &Connection[T]{}
	if len(rows) > page.First {
		rows = rows[:page.First]
		c.PageInfo.HasNextPage = true
	}
	c.Edges = make([]*Edge[T], len(rows))
	for i, row := range rows {
		c.Edges[i] = &Edge[T]{Node: row, Cursor: cursor(row)}
	}
	if len(rows) > 0 {
		c.PageInfo.EndCursor = &c.Edges[len(rows)-1].Cursor
	}
	return c
}
