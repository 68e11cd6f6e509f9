package server_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/graph/transport"
	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/network"
	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/viewer"
)

// soon is how long something may take that is promised within a second, on a machine that is busy with other tests.
const soon = 5 * time.Second

func TestSessionsEndEverywhere(t *testing.T) {
	t.Parallel()
	p := newPlace(t, true, 0, transport.Limits{})
	ends := map[string]func(of resident) error{
		"revoked": func(of resident) error {
			other := p.signIn(of.id)
			_, err := p.nodes[0].Accounts.Revoke(other.as(t), account.RevokeSessionInput{SessionID: relay.NewID(ent.AuthSessionPrefix, of.in.Viewer.Session())})
			return err
		},
		"signed out": func(of resident) error {
			_, err := p.nodes[0].Accounts.SignOut(of.as(t))
			return err
		},
		"banned": func(of resident) error {
			admin := viewer.With(t.Context(), viewer.OfPerson(testkit.Person(t, p.db, "admin"), uuid.New()).WithRole(viewer.RoleAdmin))
			_, err := p.nodes[0].Accounts.Ban(admin, account.BanAccountInput{AccountID: relay.NewID(ent.AccountPrefix, of.id), Reason: "A test."})
			return err
		},
	}
	ends["deactivated"] = func(of resident) error {
		_, err := p.nodes[0].Accounts.Deactivate(of.as(t))
		return err
	}
	ends["about to be erased"] = func(of resident) error {
		_, err := p.nodes[0].Accounts.Erase(of.as(t))
		return err
	}
	ends["revoked with all others"] = func(of resident) error {
		_, err := p.nodes[0].Accounts.RevokeAll(p.signIn(of.id).as(t))
		return err
	}
	ends["older than the password"] = func(of resident) error {
		_, err := p.nodes[0].Accounts.ChangePassword(p.signIn(of.id).as(t), account.ChangePasswordInput{NewPassword: "another horse battery"})
		return err
	}
	bystander := p.person("bystander")
	watching := p.visit(p.addresses[1], bystander.token)
	for name, end := range ends {
		t.Run("a session that is "+name+" loses its sockets and its access on each node", func(t *testing.T) {
			who := p.person(strings.ReplaceAll(name, " ", "_"))
			var visitors []*visitor
			for _, address := range p.addresses {
				visitors = append(visitors, p.visit(address, who.token))
				if got := p.status(address, who.token); got != http.StatusOK { // remembered from now on
					t.Fatalf("it is answered %d to begin with", got)
				}
			}
			began := time.Now()
			if err := end(who); err != nil {
				t.Fatal(err)
			}
			for _, v := range visitors {
				v.wantClosed(4403)
			}
			cut := time.Since(began)
			for _, address := range p.addresses {
				eventually(t, "the token is refused", func() bool { return p.status(address, who.token) == http.StatusUnauthorized })
			}
			refused := time.Since(began)
			t.Logf("sockets were cut after %v, the token was refused after %v", cut, refused)
			if refused > soon {
				t.Errorf("it took %v", refused)
			}
		})
	}
	watching.say(map[string]any{"type": "ping"})
	if got, err := watching.read(); err != nil || got["type"] != "pong" {
		t.Errorf("somebody else's socket got %v, %v", got, err)
	}
}

func TestABlockEndsNoSocket(t *testing.T) {
	t.Parallel()
	for name, withRedis := range map[string]bool{"with Redis": true, "without Redis, by the sweep": false} {
		t.Run("a block holds in what is live, "+name+", and the subscription goes on", func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, withRedis, time.Second, transport.Limits{})
			ada, bob, cy := p.person("ada"), p.person("bob"), p.person("cy")
			c := p.open(ada, bob, cy)
			adas, bobs := p.visit(p.addresses[1], ada.token), p.visit(p.addresses[1], bob.token)
			adas.follow(c, "")
			p.settle(adas, cy, c)
			bobs.follow(c, "")
			p.settle(bobs, cy, c)
			p.send(bob, c, "before")
			for body := ""; body != "before"; {
				var err error
				if body, _, err = adas.hear(); err != nil {
					t.Fatal(err)
				}
			}
			bobs.wantHeard("before")
			if _, err := p.nodes[0].Network.Block(ada.as(t), network.BlockInput{ProfileID: relay.NewID(ent.ProfilePrefix, bob.id)}); err != nil {
				t.Fatal(err)
			}
			p.send(bob, c, "of the blocked")
			p.send(ada, c, "of the blocker")
			p.send(cy, c, "of a third")
			adas.wantHeard("of the blocker", "of a third")
			bobs.wantHeard("of the blocked", "of a third")
		})
	}
}

func TestSlowConsumers(t *testing.T) {
	t.Parallel()
	p := newPlace(t, true, 0, transport.Limits{Queue: 16 << 10, Write: 500 * time.Millisecond})
	ada, bob := p.person("ada"), p.person("bob")
	c := p.open(ada, bob)
	// All that the two systems keep for a reader that does not read is small, or nothing would ever wait here.
	wire := newWire(t, p.addresses[1])
	slow, good := p.visit(wire.address, ada.token), p.visit(p.addresses[1], bob.token)
	good.follow(c, "")
	p.settle(good, bob, c)
	slow.follow(c, "")
	p.settle(slow, bob, c)
	var cursor string
	p.send(bob, c, "the last that it reads")
	for body := ""; body != "the last that it reads"; {
		var err error
		if body, cursor, err = slow.hear(); err != nil {
			t.Fatal(err)
		}
	}
	wire.stall()
	var want []string
	for i := range 120 {
		want = append(want, fmt.Sprintf("%03d %s", i, strings.Repeat("x", 2000)))
	}
	for _, body := range want {
		p.send(bob, c, body)
		for heard := ""; heard != body; { // one by one: however busy the machine is, this one keeps up
			var err error
			if heard, _, err = good.hear(); err != nil {
				t.Fatalf("who reads is held up: %v", err)
			}
		}
	}
	eventually(t, "the slow one is closed", func() bool { return p.slowCloses() == 1 })
	wire.flow()
	var got []string
	for {
		body, at, err := slow.hear()
		if err != nil {
			var end websocket.CloseError
			if !errors.As(err, &end) || end.Code != websocket.StatusTryAgainLater {
				t.Fatalf("it ended with %v", err)
			}
			break
		}
		got, cursor = append(got, body), at
	}
	if len(got) == len(want) {
		t.Fatal("it was not slow")
	}
	back := p.visit(p.addresses[0], ada.token) // on the other node
	back.follow(c, cursor)
	for len(got) < len(want) {
		body, _, err := back.hear()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, body)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("in the place of %.3s there is %.20s", want[i], got[i])
		}
	}
}

func (p *place) slowCloses() int64 {
	var n int64
	for _, h := range p.graphs {
		n += h.Stats().SlowCloses
	}
	return n
}

func TestHalfOpenPeers(t *testing.T) {
	t.Parallel()
	p := newPlace(t, true, 0, transport.Limits{Ping: 300 * time.Millisecond, Write: time.Second})
	ada := p.person("ada")
	c := p.open(ada, p.person("bob"))
	wire := newWire(t, p.addresses[0])
	gone, here := p.visit(wire.address, ada.token), p.visit(p.addresses[0], ada.token)
	gone.follow(c, "")
	p.settle(gone, ada, c)
	heard := make(chan error, 1)
	go func() {
		for {
			if _, err := here.read(); err != nil {
				heard <- err
				return
			}
		}
	}()
	if got := p.graphs[0].Stats(); got.Sockets != 2 || got.Subscriptions != 1 {
		t.Fatalf("there are %+v", got)
	}
	wire.stall() // neither bytes nor an end get through from now on
	eventually(t, "what it held is released", func() bool {
		got := p.graphs[0].Stats()
		return got.Sockets == 1 && got.Subscriptions == 0
	})
	select {
	case err := <-heard:
		t.Errorf("who answers pings has lost the socket: %v", err)
	default:
	}
}
