package feed

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/live"
)

// For how long the next bursts of a subject gather after one has been written to so many feeds. The first after a
// while is written at once.
const (
	fewPeople, manyPeople          = 8, 500
	fewGather, gather, manyGathers = 50 * time.Millisecond, 100 * time.Millisecond, time.Second
)

// Consume joins the consumers of facts as the one that writes the feeds; before the log of facts is started.
func (s *Service) Consume(l *fact.Log) {
	var kinds []string
	for _, f := range s.followers {
		kinds = append(kinds, f.kinds...)
	}
	slices.Sort(kinds)
	l.Consumer(fact.Consumer{
		Name: ConsumerName, Does: "Writes what has changed for whom to their feeds.", Kinds: slices.Compact(kinds), Take: s.take,
	})
}

// take writes what a batch changes for whom, in the transaction that takes the batch out of the queue.
func (s *Service) take(ctx context.Context, tx *ent.Tx, b fact.Batch) (fact.Done, error) {
	var changes []Change
	for _, f := range s.followers {
		part := b.Of(f.kinds...)
		if part.IsEmpty() {
			continue
		}
		more, err := f.audience(ctx, tx, part)
		if err != nil {
			return fact.Done{}, err
		}
		changes = append(changes, more...)
	}
	written, err := write(ctx, tx, changes)
	if err != nil {
		return fact.Done{}, err
	}
	return fact.Done{Rest: rest(b, changes), After: func() { s.announce(written) }}, nil
}

// rest is for how long the next bursts of the batch's subjects gather.
func rest(b fact.Batch, changes []Change) map[uuid.UUID]time.Duration {
	people := map[uuid.UUID]int{}
	for _, c := range changes {
		people[c.Subject]++
	}
	all := make(map[uuid.UUID]time.Duration, len(b.Bursts))
	for _, x := range b.Bursts {
		switch n := people[x.Subject]; {
		case n > manyPeople:
			all[x.Subject] = manyGathers
		case n > fewPeople:
			all[x.Subject] = gather
		default:
			all[x.Subject] = fewGather
		}
	}
	return all
}

// A numbered change has got its number in the feed.
type numbered struct {
	Change
	seq int64
}

func write(ctx context.Context, tx *ent.Tx, changes []Change) ([]numbered, error) {
	n := len(changes)
	if n == 0 {
		return nil, nil
	}
	accounts, kinds, subjects := make([]uuid.UUID, n), make([]string, n), make([]uuid.UUID, n)
	for i, c := range changes {
		accounts[i], kinds[i], subjects[i] = c.Account, c.Kind, c.Subject
	}
	rows, err := tx.QueryContext(ctx, "SELECT account_id, seq, kind, subject_id FROM write_feeds($1::uuid[], $2::text[], $3::uuid[])",
		accounts, kinds, subjects)
	if err != nil {
		return nil, fmt.Errorf("write the feeds: %w", err)
	}
	defer func() { _ = rows.Close() }()
	written := make([]numbered, 0, n)
	for rows.Next() {
		var w numbered
		if err := rows.Scan(&w.Account, &w.seq, &w.Kind, &w.Subject); err != nil {
			return nil, fmt.Errorf("read what was written to a feed: %w", err)
		}
		written = append(written, w)
	}
	return written, rows.Err()
}

// announce publishes what has been committed, the lower numbers of each feed first.
func (s *Service) announce(written []numbered) {
	slices.SortFunc(written, func(a, b numbered) int { return int(a.seq - b.seq) })
	for _, w := range written {
		s.hub.Publish(streamOf(w.Account), updateOf(w.seq, w.Kind, w.Subject))
	}
}

func streamOf(account uuid.UUID) live.Key { return live.Key{Kind: StreamKind, ID: account} }

func updateOf(seq int64, kind string, subject uuid.UUID) live.Update {
	return live.Update{Seq: seq, Subject: subject, Data: []byte(kind)}
}
