package presence

import (
	"context"
	"maps"
	"time"

	"github.com/google/uuid"
)

// tellTime is how long those who are told may take.
const tellTime = 10 * time.Second

func (t *Tracker) run(ctx context.Context) {
	tick := time.NewTicker(t.o.Tick)
	defer tick.Stop()
	for {
		t.expire(time.Now())
		if t.o.Redis == nil {
			t.mu.Lock()
			clear(t.pending)
			t.mu.Unlock()
		} else if err := t.exchange(ctx); ctx.Err() == nil {
			t.note(err)
		}
		t.announce(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// expire lets those go who have had no connection for the grace.
func (t *Tracker) expire(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for _, l := range t.leaving {
		if now.Sub(l.at) < t.o.Grace {
			break
		}
		n++
		if s, isHere := t.here[l.account]; isHere && s.open == 0 && s.gone.Equal(l.at) {
			t.touchLocked(l.account)
			delete(t.here, l.account)
			t.pending[l.account] = false
		}
	}
	if t.leaving = t.leaving[n:]; len(t.leaving) == 0 {
		t.leaving = nil // what it was at most is not kept
	}
}

// note notes how an exchange with Redis has ended. A single one that fails makes nothing uncertain yet.
func (t *Tracker) note(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err == nil:
		t.known = time.Now()
		if !t.isKnown && t.link.wasKnown {
			t.o.Log.Info("Who is online is known again")
		}
		if !t.link.wasKnown {
			// Who was online before this node began is no news.
			for account := range t.touched {
				if _, isHere := t.here[account]; !isHere {
					delete(t.touched, account)
				}
			}
		}
		t.isKnown, t.link.wasKnown = true, true
	case t.isKnown && time.Since(t.known) >= t.patience():
		t.isKnown = false
		t.o.Log.Warn("Nobody can tell who is online until Redis is back", "error", err)
	}
}

// patience is how old the last exchange may be for what is known to be true still.
func (t *Tracker) patience() time.Duration { return 5 * t.o.Tick }

// announce tells who has come and gone.
func (t *Tracker) announce(ctx context.Context) {
	t.mu.Lock()
	if !t.isKnown || t.tell == nil {
		if t.tell == nil {
			clear(t.touched)
		}
		t.mu.Unlock()
		return
	}
	touched := t.touched
	t.touched = map[uuid.UUID]bool{}
	changes := map[uuid.UUID]bool{}
	for account, was := range touched {
		if is := t.isOnlineLocked(account); is != was {
			changes[account] = is
		}
	}
	t.mu.Unlock()

	ctx, cancel := context.WithTimeout(ctx, tellTime)
	defer cancel()
	if err := t.tell(ctx, changes); err != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		maps.Copy(t.touched, touched) // what was told last was before this
		return
	}
	told.Add(float64(len(changes)))
}
