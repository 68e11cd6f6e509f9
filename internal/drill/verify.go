package main

import (
	"context"
	"time"

	"github.com/convenehq/convene/internal/rehearsal"
)

// patience is how long followers may take to have everything: more than a sweep.
const patience = 15 * time.Second

// report holds what the people noticed to what is in the database.
func (l *load) report(ctx context.Context, r *rehearsal.Report) error {
	histories := make([][]message, len(l.pairs))
	for i, p := range l.pairs {
		var err error
		if histories[i], err = history(ctx, l.fleet, p); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	r.Note("messages acknowledged", "%d, %d of them by a retry", len(l.acked), l.retried)
	r.Never("messages that failed after one retry", len(l.failed))
	for _, err := range l.failed[:min(3, len(l.failed))] {
		r.Note("  such as", "%v", err)
	}
	lost, doubled := compare(l.acked, histories)
	r.Never("acknowledged messages that are lost", lost)
	r.Never("messages that are there twice", doubled)
	r.Note("longest until a message was acknowledged", "%s", rehearsal.Milliseconds(l.longest))
	r.Note("inboxes read", "%d", l.reads)
	r.Never("inboxes that could not be read after one retry", l.readsFailed)
	gaps, doubles, resyncs, reconnects, slowest := 0, 0, 0, 0, time.Duration(0)
	at := map[ackPlace]time.Time{}
	for _, a := range l.acked {
		at[ackPlace{l.pairs[a.pair].conversation, a.seq}] = a.at
	}
	for i, f := range l.followers {
		f.catchUp(ctx, histories[i/2])
		g, d := f.holes(histories[i/2])
		gaps, doubles, reconnects = gaps+g, doubles+d, reconnects+f.reconnects
		resyncs += len(f.news) - len(f.arrivals)
		for _, a := range f.arrivals {
			if acked, ok := at[ackPlace{f.conversation, a.seq}]; ok {
				slowest = max(slowest, a.at.Sub(acked))
			}
		}
	}
	r.Note("subscriptions over WebSocket", "%d, which came back %d times", len(l.followers), reconnects)
	r.Never("gaps at subscribers", gaps)
	r.Never("doubles, or out of order, at subscribers", doubles)
	r.Never("resyncs", resyncs)
	r.Note("longest from an acknowledgement to a subscriber", "%s", rehearsal.Milliseconds(slowest))
	return nil
}

type ackPlace struct {
	conversation string
	seq          int64
}

// compare counts acknowledged messages that no history has, and messages that one has twice.
func compare(acked []ack, histories [][]message) (lost, doubled int) {
	for i, history := range histories {
		seqs := map[string]int64{}
		for _, m := range history {
			if _, seen := seqs[m.Body]; seen {
				doubled++
			}
			seqs[m.Body] = m.Seq
		}
		for _, a := range acked {
			if a.pair == i && seqs[a.key] != a.seq {
				lost++
			}
		}
	}
	return lost, doubled
}

// catchUp waits until the follower has the last message of its conversation.
func (f *follower) catchUp(ctx context.Context, history []message) {
	for end := time.Now().Add(patience); f.last() < history[len(history)-1].Seq && time.Now().Before(end); {
		if rehearsal.Wait(ctx, 20*time.Millisecond) != nil {
			return
		}
	}
}

// holes counts the messages, after the first, that did not arrive, and the arrivals that came a second
// time or too late.
func (f *follower) holes(history []message) (gaps, doubles int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	seen := map[int64]bool{}
	for i, a := range f.arrivals {
		if seen[a.seq] || i > 0 && a.seq < f.arrivals[i-1].seq {
			doubles++
		}
		seen[a.seq] = true
	}
	for _, m := range history[1:] {
		if !seen[m.Seq] {
			gaps++
		}
	}
	return gaps, doubles
}
