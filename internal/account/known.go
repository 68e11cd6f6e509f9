package account

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/singleflight"

	"github.com/convenehq/convene/internal/viewer"
)

const (
	// knownFor is for how long at most a node goes on believing that a session stands.
	knownFor = time.Second
	// maxKnown bounds the memory: some 7 MB.
	maxKnown = 1 << 16
)

// knownSession is what a node knows of a session: what decides whether it stands, and as whom.
type knownSession struct {
	account   uuid.UUID // zero if there is no such session
	role      viewer.Role
	isCookie  bool
	isRevoked bool
	isKeptOut bool
	expiresAt time.Time
	// asOf is when the row was asked for, not when the answer came: it may have changed in between.
	asOf time.Time
}

// knownSessions spares the database asking for the same session with every request of a busy client.
type knownSessions struct {
	clock  func() time.Time
	flight singleflight.Group
	mu     sync.Mutex
	byID   map[uuid.UUID]knownSession
}

func newKnownSessions(clock func() time.Time) *knownSessions {
	return &knownSessions{clock: clock, byID: map[uuid.UUID]knownSession{}}
}

// get answers with what was so no longer than knownFor ago. Those who ask for one session at the same
// moment share one load; each gives up by its own context.
func (k *knownSessions) get(
	ctx context.Context, id uuid.UUID, load func(context.Context, uuid.UUID) (knownSession, error),
) (knownSession, error) {
	asked := k.clock()
	if known, ok := k.recall(id, asked); ok {
		return known, nil
	}
	for {
		answer := k.flight.DoChan(id.String(), func() (any, error) {
			// The load must not end with the request that happened to be first.
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			asOf := k.clock()
			// Another load may have ended between our look at what is known and now.
			if known, ok := k.recall(id, asOf); ok {
				return known, nil
			}
			known, err := load(ctx, id)
			if err != nil {
				return knownSession{}, err
			}
			known.asOf = asOf
			k.remember(id, known)
			return known, nil
		})
		select {
		case <-ctx.Done():
			return knownSession{}, fmt.Errorf("wait for the session: %w", ctx.Err())
		case r := <-answer:
			if r.Err != nil {
				return knownSession{}, r.Err
			}
			// A load that had been under way for long when we joined it may tell of a time too long ago.
			if known := r.Val.(knownSession); asked.Sub(known.asOf) < knownFor {
				return known, nil
			}
		}
	}
}

func (k *knownSessions) recall(id uuid.UUID, now time.Time) (knownSession, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	known, ok := k.byID[id]
	return known, ok && now.Sub(known.asOf) < knownFor
}

func (k *knownSessions) remember(id uuid.UUID, known knownSession) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.byID) >= maxKnown {
		// Nearly all of it is too old to be used; what is not costs one statement each.
		k.byID = make(map[uuid.UUID]knownSession)
	}
	k.byID[id] = known
}

// forget makes a revocation take effect on this node at once.
func (k *knownSessions) forget(id uuid.UUID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.byID, id)
}

func (k *knownSessions) forgetAccount(account uuid.UUID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for id, known := range k.byID {
		if known.account == account {
			delete(k.byID, id)
		}
	}
}
