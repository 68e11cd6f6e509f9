package graph

import (
	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/feed"
	"github.com/convenehq/convene/internal/invite"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/messaging"
	"github.com/convenehq/convene/internal/network"
	"github.com/convenehq/convene/internal/profile"
	"github.com/convenehq/convene/internal/token"
)

// Base is what the slices stand on, and their settings, whose zero values are usable.
type Base struct {
	DB   *db.DB
	Ring *token.Ring
	Hub  *live.Hub

	Facts     fact.Options
	Invite    invite.Options
	Account   account.Options
	Feed      feed.Options
	Messaging messaging.Options
}

// Catalogue is every kind of fact that there is.
func Catalogue() fact.Catalogue {
	return fact.NewCatalogue(account.Facts, invite.Facts, profile.Facts, messaging.Facts, network.Facts)
}

// Connect makes the slices, from the bottom up, and the resolvers on them. The hub and the consumers of facts may
// be started after it.
func Connect(b Base) *Resolver {
	b.Hub.Seal(b.Ring.Keys("cursor of a stream")...)
	r := &Resolver{Facts: fact.New(b.DB, Catalogue(), b.Facts)}
	r.Feeds = feed.New(b.DB, b.Hub, b.Feed)
	r.Profiles = profile.New(b.DB, r.Facts)
	r.Invites = invite.New(b.DB, b.Ring, r.Profiles, r.Facts, b.Invite)
	b.Account.Invites = r.Invites
	r.Accounts = account.New(b.DB, b.Ring, r.Profiles, r.Facts, b.Account)
	r.Messaging = messaging.New(b.DB, b.Ring, r.Accounts, r.Profiles, b.Hub, r.Facts, r.Feeds, b.Messaging)
	r.Network = network.New(b.DB, r.Accounts, r.Profiles, r.Messaging, r.Facts)
	r.Feeds.Consume(r.Facts)
	return r
}

// Close waits for what is on its way to disk. Nothing may be asked of the slices after it.
func (r *Resolver) Close() {
	r.Messaging.Close()
	r.Accounts.Close()
}
