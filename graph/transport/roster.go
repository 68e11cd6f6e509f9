package transport

import (
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/google/uuid"
)

// A connection is what stays open: a session or a stream.
type connection interface {
	// end lets the connection end by itself, with what is queued sent first.
	end(e ending)
	// kill ends it now.
	kill()
	// session is the login session that it belongs to; the zero id if to none.
	session() uuid.UUID
	// extend lets it live for as long as newer credentials of that session.
	extend(until time.Time)
}

// A seat is whose connection it is, as far as that is known.
type seat struct {
	account uuid.UUID
	network netip.Prefix
}

// Why a connection is not taken.
var (
	errShut    = errors.New("no connection is taken any more")
	errAccount = errors.New("the account has too many connections")
	errAddress = errors.New("the address has too many connections")
)

// shortOfRoom is who has too many connections.
var shortOfRoom = map[error]string{errAccount: "account", errAddress: "address"}

// comeBackSoon is when whoever has too many connections may look whether one has ended.
const comeBackSoon = 10 * time.Second

// A roster knows the open connections, so that a shutdown finds them, and how many each client has.
type roster struct {
	crowd Crowd

	mu       sync.Mutex
	open     map[connection]seat
	accounts map[uuid.UUID]int
	networks map[netip.Prefix]int
	closed   bool
	empty    chan struct{} // closed when none is left after closed
}

// check says why a connection of the seat would not be taken now.
func (r *roster) check(s seat) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.checkLocked(s)
}

func (r *roster) checkLocked(s seat) error {
	switch {
	case r.closed:
		return errShut
	case s.account != uuid.Nil && r.crowd.PerAccount > 0 && r.accounts[s.account] >= r.crowd.PerAccount:
		return errAccount
	case s.network.IsValid() && r.crowd.PerAddress > 0 && r.networks[s.network] >= r.crowd.PerAddress:
		return errAddress
	}
	return nil
}

// enter notes a connection, unless it is not taken.
func (r *roster) enter(c connection, s seat) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.checkLocked(s); err != nil {
		return err
	}
	if r.open == nil {
		r.open, r.accounts, r.networks = map[connection]seat{}, map[uuid.UUID]int{}, map[netip.Prefix]int{}
	}
	r.takeLocked(c, s)
	return nil
}

// identify notes whose a connection is that entered as nobody's.
func (r *roster) identify(c connection, account uuid.UUID) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, isOpen := r.open[c]
	if !isOpen || s.account == account {
		return nil
	}
	r.releaseLocked(c)
	s.account = account
	err := r.checkLocked(seat{account: account})
	if err != nil {
		s.account = uuid.Nil
	}
	r.takeLocked(c, s)
	return err
}

func (r *roster) leave(c connection) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.releaseLocked(c)
	r.settleLocked()
}

func (r *roster) takeLocked(c connection, s seat) {
	r.open[c] = s
	if s.account != uuid.Nil {
		r.accounts[s.account]++
	}
	if s.network.IsValid() {
		r.networks[s.network]++
	}
}

func (r *roster) releaseLocked(c connection) {
	s, isOpen := r.open[c]
	if !isOpen {
		return
	}
	delete(r.open, c)
	if r.accounts[s.account]--; r.accounts[s.account] <= 0 {
		delete(r.accounts, s.account)
	}
	if r.networks[s.network]--; r.networks[s.network] <= 0 {
		delete(r.networks, s.network)
	}
}

// all are the open connections.
func (r *roster) all() []connection {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]connection, 0, len(r.open))
	for c := range r.open {
		all = append(all, c)
	}
	return all
}

// shut takes no more connections; the channel is closed when none is left.
func (r *roster) shut() (empty <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.closed, r.empty = true, make(chan struct{})
		r.settleLocked()
	}
	return r.empty
}

func (r *roster) settleLocked() {
	if !r.closed || len(r.open) > 0 {
		return
	}
	select {
	case <-r.empty:
	default:
		close(r.empty)
	}
}
