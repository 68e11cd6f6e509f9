// Package node puts the slices and a hub over a test's database, as a node has them. Several on one database
// are several nodes.
package node

import (
	"strings"
	"testing"
	"time"

	"github.com/convenehq/convene/graph"
	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/messaging"
	"github.com/convenehq/convene/internal/presence"
	"github.com/convenehq/convene/internal/token"
)

// A Node is what runs on one.
type Node struct {
	*graph.Resolver
	Hub      *live.Hub
	Ring     *token.Ring
	Presence *presence.Tracker
	// Mails are what it has sent; nil unless it is Mailing.
	Mails *Box
}

// On starts a node on a database and stops it when the test ends. All nodes of the tests sign with the same
// secret, and know of a restored database.
func On(t testing.TB, d *db.DB, o live.Options) *Node {
	t.Helper()
	return on(t, d, o, account.Options{})
}

// Mailing is a node that does jobs too, and sends mails.
func Mailing(t testing.TB, d *db.DB, o live.Options) *Node {
	t.Helper()
	var n *Node
	box, options := NewBox(t, d, account.Options{}, func() *account.Service { return n.Accounts })
	n = on(t, d, o, options)
	n.Mails = box
	box.Start(t)
	return n
}

func on(t testing.TB, d *db.DB, o live.Options, accounts account.Options) *Node {
	t.Helper()
	ring, err := token.NewRing([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	o.Epoch = d.Epoch
	n := &Node{Hub: live.New(o), Ring: ring, Presence: presence.New(presence.Options{Redis: o.Redis, Tick: 50 * time.Millisecond})}
	n.Resolver = graph.Connect(graph.Base{DB: d, Ring: ring, Hub: n.Hub, Account: accounts, Messaging: messaging.Options{Presence: n.Presence}})
	if err := n.Hub.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Hub.Close)
	t.Cleanup(n.Close)
	n.Presence.Start(t.Context())
	t.Cleanup(n.Presence.Close)
	if err := n.Facts.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Facts.Close)
	return n
}

// Facts is a log of all facts, without consumers, for tests that make a slice by hand.
func Facts(d *db.DB) *fact.Log { return fact.New(d, graph.Catalogue(), fact.Options{}) }
