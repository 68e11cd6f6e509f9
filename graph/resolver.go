// Package graph is the GraphQL edge: thin resolvers, one file a slice, that call one use case each and
// turn its refusal into userErrors. What Convene does stands in the slices under internal.
package graph

import (
	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/feed"
	"github.com/convenehq/convene/internal/invite"
	"github.com/convenehq/convene/internal/messaging"
	"github.com/convenehq/convene/internal/network"
	"github.com/convenehq/convene/internal/profile"
)

// Resolver holds the slices that the resolvers call, and the log of facts that they store in.
type Resolver struct {
	Facts     *fact.Log
	Feeds     *feed.Service
	Accounts  *account.Service
	Profiles  *profile.Service
	Network   *network.Service
	Messaging *messaging.Service
	Invites   *invite.Service
}
