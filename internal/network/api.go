package network

import (
	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
)

// The types of the slice's API. Each has the name and the meaning of its GraphQL type in
// graph/network.graphqls, which gqlgen binds by that name.

// BlockConnection is a page of blocks.
type BlockConnection = relay.Connection[*ent.Block]

// BlockEdge is a block in a page.
type BlockEdge = relay.Edge[*ent.Block]

// BlockInput is the input of block.
type BlockInput struct {
	ProfileID relay.ID
}

// BlockPayload is the answer of block.
type BlockPayload struct {
	Block      *ent.Block
	UserErrors []*NetworkUserError
}

// UnblockInput is the input of unblock.
type UnblockInput struct {
	ProfileID relay.ID
}

// UnblockPayload is the answer of unblock.
type UnblockPayload struct {
	Profile    *ent.Profile
	UserErrors []*NetworkUserError
}
