package limit

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/viewer"
)

// A Client is whoever a request comes from: an address, of which what it asks for is counted. The nil Client
// may ask for anything.
type Client struct {
	limiter *Limiter
	network netip.Prefix
	of      [16]byte
}

// Client is the client at an address. The zero address is counted nowhere.
func (l *Limiter) Client(address netip.Addr) *Client {
	c := &Client{limiter: l, network: Network(address)}
	c.of = c.network.Addr().As16()
	return c
}

// Network is what counts as one client: an IPv4 address, and of IPv6 the 64 bits that a household gets, in
// which it can have any number of addresses.
func Network(address netip.Addr) netip.Prefix {
	address = address.Unmap().WithZone("")
	bits := 32
	if address.Is6() {
		bits = 64
	}
	network, err := address.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // no address
	}
	return network
}

// Network is where the client is; invalid if that is unknown.
func (c *Client) Network() netip.Prefix {
	if c == nil {
		return netip.Prefix{}
	}
	return c.network
}

type contextKey struct{}

// With sets the client of a request.
func With(ctx context.Context, c *Client) context.Context {
	return context.WithValue(ctx, contextKey{}, c)
}

// From is the client of a request; nil if there is none.
func From(ctx context.Context) *Client {
	c, _ := ctx.Value(contextKey{}).(*Client)
	return c
}

// Arrive counts a request by its address, before anybody knows whose it is: to find that out takes time too.
func (c *Client) Arrive() error {
	if c == nil {
		return nil
	}
	return c.take(1, c.known([]key{c.at(Requests)})...)
}

// Ask counts what is asked for, by the viewer's account and by the address.
func (c *Client) Ask(ctx context.Context, n int) error {
	if c == nil || n <= 0 {
		return nil
	}
	keys := []key{c.at(Requests)}
	if account := viewer.From(ctx).Account(); account != uuid.Nil {
		keys = append(keys, key{Operations, account})
	}
	return c.take(n, c.known(keys)...)
}

// An Attempt is one at signing in or registering. It counts, unless it is forgiven.
type Attempt struct {
	client *Client
	keys   []key
}

// SignIn counts an attempt at signing in, by the address, and by the login at that address: nobody elsewhere is kept
// out by it. Until it is forgiven it counts as
// one that failed, so that many at once get no further than one after the other.
func (c *Client) SignIn(login string) (Attempt, error) {
	// Whoever reads Redis need not learn who signs in.
	hash := sha256.Sum256([]byte(c.Network().String() + " " + strings.TrimPrefix(strings.ToLower(strings.TrimSpace(login)), "@")))
	return c.attempt(c.at(SignIns), key{Logins, [16]byte(hash[:16])})
}

// Prove counts an attempt at proving a password once more, by the address and by the account.
func (c *Client) Prove(account uuid.UUID) (Attempt, error) {
	return c.attempt(c.at(SignIns), key{Logins, account})
}

// Register counts an attempt at registering, by the address.
func (c *Client) Register() (Attempt, error) { return c.attempt(c.at(Registrations)) }

// AskLink counts that somebody asks for a mail with a link, by the address.
func (c *Client) AskLink() (Attempt, error) { return c.attempt(c.at(Links)) }

func (c *Client) attempt(keys ...key) (Attempt, error) {
	if c == nil {
		return Attempt{}, nil
	}
	keys = c.known(keys)
	if err := c.take(1, keys...); err != nil {
		return Attempt{}, err
	}
	return Attempt{c, keys}, nil
}

// Forgive takes the attempt out of the count.
func (a Attempt) Forgive() {
	for _, k := range a.keys {
		a.client.limiter.giveBack(k, 1)
	}
}

func (c *Client) at(kind Kind) key {
	if c == nil {
		return key{}
	}
	return key{kind, c.of}
}

// known leaves addresses out that are unknown: all of them would be one, else.
func (c *Client) known(keys []key) []key {
	return slices.DeleteFunc(keys, func(k key) bool {
		return k.kind != Operations && k.kind != Logins && !c.network.IsValid()
	})
}

func (c *Client) take(n int, keys ...key) error {
	k, wait := c.limiter.takeAll(n, keys...)
	if wait <= 0 {
		return nil
	}
	refused.WithLabelValues(string(k.kind)).Inc()
	return Refuse(k.kind, wait)
}

// Refuse is the error of somebody who has to wait.
func Refuse(kind Kind, wait time.Duration) *fault.Error {
	wait = time.Duration(math.Ceil(wait.Seconds())) * time.Second
	var what string
	switch kind {
	case SignIns, Logins:
		what = "Signing in failed too often."
	case Registrations:
		what = "Too many have registered from here."
	case Links:
		what = "Too many mails were asked for from here."
	case Operations, Requests:
		what = "Too much was asked for in too short a time."
	}
	return &fault.Error{
		Code: fault.CodeRateLimited, RetryAfter: wait,
		Message: fmt.Sprintf("%s Try again in %d s.", what, int(wait.Seconds())),
	}
}
