package account

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/loginattempt"
	"github.com/convenehq/convene/internal/viewer"
)

const (
	// attemptKept is for how long attempts are kept, as ent/schema declares.
	attemptKept = 90 * 24 * time.Hour
	// mostNoted bounds the attempts that wait to be written; what is more is not written at all.
	mostNoted = 10_000
	// notedAtOnce is how many are written in one statement.
	notedAtOnce = 500
)

// attempt is one try to get into an account, as it will be stored. The account's id is zero where there is none.
func (s *Service) attempt(ctx context.Context, outcome loginattempt.Outcome, of uuid.UUID, login string) *ent.LoginAttempt {
	a := &ent.LoginAttempt{
		ID: uuid.Must(uuid.NewV7()), CreatedAt: s.now(), Outcome: outcome, Network: networkFrom(ctx), DeviceLabel: deviceFrom(ctx),
	}
	if of != uuid.Nil {
		a.AccountID = &of
	}
	if login != "" {
		a.IdentifierHash = s.ring.MAC(identifierPurpose, []byte(identifier(login)))
	}
	return a
}

const identifierPurpose = "account/attempt/identifier"

func fill(c *ent.LoginAttemptCreate, a *ent.LoginAttempt) *ent.LoginAttemptCreate {
	return c.SetID(a.ID).SetCreatedAt(a.CreatedAt).SetOutcome(a.Outcome).SetNetwork(a.Network).
		SetDeviceLabel(a.DeviceLabel).SetNillableAccountID(a.AccountID).SetIdentifierHash(a.IdentifierHash)
}

// noteIn writes an attempt in the transaction of what came of it. The context is the system's.
func (s *Service) noteIn(
	ctx context.Context, tx *ent.Tx, outcome loginattempt.Outcome, of uuid.UUID, login string,
) error {
	if err := fill(tx.LoginAttempt.Create(), s.attempt(ctx, outcome, of, login)).Exec(ctx); err != nil {
		return fmt.Errorf("write the attempt: %w", err)
	}
	return nil
}

// note has an attempt written soon: nobody waits for it, so its time tells nobody anything, and a node that is killed
// loses what it noted in the last moment.
func (s *Service) note(ctx context.Context, outcome loginattempt.Outcome, of uuid.UUID, login string) {
	s.notes.add(s.attempt(ctx, outcome, of, login))
}

// notes are attempts that wait to be written. While some are written the next ones gather.
type notes struct {
	write   func([]*ent.LoginAttempt)
	mu      sync.Mutex
	waiting []*ent.LoginAttempt
	busy    bool
	writing sync.WaitGroup
}

func (n *notes) add(a *ent.LoginAttempt) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.waiting) >= mostNoted {
		return
	}
	n.waiting = append(n.waiting, a)
	if !n.busy {
		n.busy = true
		n.writing.Go(n.drain)
	}
}

func (n *notes) drain() {
	for {
		n.mu.Lock()
		some := n.waiting
		n.waiting = nil
		n.busy = len(some) > 0
		n.mu.Unlock()
		if len(some) == 0 {
			return
		}
		for part := range slices.Chunk(some, notedAtOnce) {
			n.write(part)
		}
	}
}

// writeNotes writes attempts, and when accounts were last signed in to.
func (s *Service) writeNotes(some []*ent.LoginAttempt) {
	ctx, cancel := context.WithTimeout(viewer.AsSystem(context.Background(), "attempts are nobody's to write"), 10*time.Second)
	defer cancel()
	var failed []*ent.LoginAttemptCreate
	last := map[uuid.UUID]time.Time{}
	for _, a := range some {
		if a.Outcome == loginattempt.OutcomeSIGNED_IN {
			last[*a.AccountID] = a.CreatedAt // written with its session
			continue
		}
		failed = append(failed, fill(s.db.Ent.LoginAttempt.Create(), a))
	}
	if len(failed) > 0 {
		if err := s.db.Ent.LoginAttempt.CreateBulk(failed...).Exec(ctx); err != nil {
			slog.WarnContext(ctx, "Attempts to sign in were not written down", "count", len(failed), "error", err)
		}
	}
	if len(last) == 0 {
		return
	}
	ids, moments := make([]uuid.UUID, 0, len(last)), make([]time.Time, 0, len(last))
	for id, at := range last {
		ids, moments = append(ids, id), append(moments, at)
	}
	_, err := s.db.SQL.ExecContext(ctx, `
WITH held AS MATERIALIZED (SELECT id FROM accounts WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE)
UPDATE accounts a SET last_login_at = n.at
FROM held JOIN unnest($1::uuid[], $2::timestamptz[]) AS n (id, at) ON n.id = held.id
WHERE a.id = held.id AND (a.last_login_at IS NULL OR a.last_login_at < n.at)`, ids, moments)
	if err != nil {
		slog.WarnContext(ctx, "When people last signed in was not written down", "count", len(ids), "error", err)
	}
}

// Close waits for what is noted to be written. Nothing may be asked of the slice after it.
func (s *Service) Close() { s.notes.writing.Wait() }
