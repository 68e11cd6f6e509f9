package graph

import (
	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/db"
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

	Account   account.Options
	Messaging messaging.Options
}

// Connect makes the slices, from the bottom up, and the resolvers on them. The hub may be started after it.
func Connect(b Base) *Resolver {
	r := &Resolver{}
	r.Profiles = profile.New(b.DB)
	r.Accounts = account.New(b.DB, b.Ring, r.Profiles, b.Account)
	r.Messaging = messaging.New(b.DB, b.Ring, r.Accounts, r.Profiles, b.Hub, b.Messaging)
	r.Network = network.New(b.DB, r.Accounts, r.Profiles, r.Messaging)
	return r
}

// Close waits for what is on its way to disk. Nothing may be asked of the slices after it.
func (r *Resolver) Close() { r.Messaging.Close() }
