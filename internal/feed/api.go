package feed

import "github.com/convenehq/convene/graph/relay"

// The types of the slice's API. Each has the name and the meaning of its GraphQL type in graph/feed.graphqls,
// which gqlgen binds by that name.

// An Update is something that has changed for the viewer, as it is now. The slices that show things have
// types of their own for it.
type Update interface{ IsUpdate() }

// SubjectGone tells of something that the viewer may no longer see, or that is no more.
type SubjectGone struct {
	Cursor string
	ID     relay.ID
}

// IsUpdate marks the GraphQL union.
func (*SubjectGone) IsUpdate() {}
