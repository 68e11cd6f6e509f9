package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/viewer"
)

const (
	effectRate      = 5000 // facts a second
	effectBatch     = 50   // a commit
	effectSubjects  = 1000
	effectConsumers = 3
	effectKind      = "bench.happened"
)

// measureEffects stores facts steadily and notes how long after the commit each consumer's effect was
// committed.
func measureEffects(ctx context.Context, b *bench) (rows []row, err error) {
	d, err := db.Open(ctx, b.house.services.DatabaseURL, db.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if _, err := d.SQL.ExecContext(ctx, "CREATE TABLE bench_effects (consumer text, fact_id bigint, PRIMARY KEY (consumer, fact_id))"); err != nil {
		return nil, fmt.Errorf("make the effects' table: %w", err)
	}
	e := &effects{committed: map[uuid.UUID]time.Time{}}
	log := fact.New(d, fact.NewCatalogue([]fact.Kind{{Name: effectKind, Subject: "bench", Refs: []string{"batch"}}}), fact.Options{})
	for i := range effectConsumers {
		log.Consumer(e.consumer(fmt.Sprintf("bench%d", i)))
	}
	if err := log.Start(ctx); err != nil {
		return nil, err
	}
	defer log.Close()
	seconds := 60
	if b.short {
		seconds = 15
	}
	before := b.house.costs()
	count := seconds * effectRate
	began := time.Now()
	if err := e.store(ctx, d, log, count); err != nil {
		return nil, err
	}
	rate := float64(count) / time.Since(began).Seconds()
	if err := e.finish(ctx, count*effectConsumers); err != nil {
		return nil, err
	}
	each := b.house.costs().since(before).per(count)
	what := fmt.Sprintf("commit to effect, %d facts/s in commits of %d, %d consumers, %d s", effectRate, effectBatch, effectConsumers, seconds)
	p99 := row{what: what + ": p99", unit: "ms", goal: below(1000, "ms"), values: []float64{milliseconds(percentile(e.took, 0.99))}}
	p99.beside = fmt.Sprintf("%d of %d effects, once each, %s facts/s", len(e.took), count*effectConsumers, figure(rate))
	own, database := row{what: "a fact and its effects: CPU of Convene", unit: "ms/fact"}, row{what: "a fact and its effects: CPU of PostgreSQL", unit: "ms/fact"}
	own.values, database.values = each.appendTo(nil, nil)
	return []row{p99, {what: what + ": p50", unit: "ms", values: []float64{milliseconds(percentile(e.took, 0.5))}}, own, database}, nil
}

// effects notes when batches were committed and how long after that each effect was.
type effects struct {
	mu        sync.Mutex
	committed map[uuid.UUID]time.Time
	took      []time.Duration
}

// consumer writes one row for each fact.
func (e *effects) consumer(name string) fact.Consumer {
	return fact.Consumer{Name: name, Kinds: []string{effectKind}, Take: func(ctx context.Context, tx *ent.Tx, b fact.Batch) (fact.Done, error) {
		ids := make([]int64, len(b.Facts))
		for i, f := range b.Facts {
			ids[i] = f.ID
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO bench_effects SELECT $1, unnest($2::bigint[])", name, ids)
		return fact.Done{After: func() { e.had(b.Facts) }}, err
	}}
}

func (e *effects) had(facts []fact.Fact) {
	now := time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, f := range facts {
		took := time.Duration(0) // the effect may come before its writer has been told of the commit
		if at, ok := e.committed[f.Refs["batch"]]; ok {
			took = now.Sub(at)
		}
		e.took = append(e.took, took)
	}
}

// store stores so many facts at the rate, in commits of effectBatch.
func (e *effects) store(ctx context.Context, d *db.DB, log *fact.Log, count int) error {
	subjects := make([]uuid.UUID, effectSubjects)
	for i := range subjects {
		subjects[i] = uuid.New()
	}
	ctx = viewer.AsSystem(ctx, "measure facts")
	work, storing := errgroup.WithContext(ctx)
	began := time.Now()
	for i := 0; i < count; i += effectBatch {
		due := began.Add(time.Duration(i) * time.Second / effectRate)
		if wait(storing, time.Until(due)) != nil {
			break
		}
		batch := uuid.New()
		facts := make([]fact.Fact, effectBatch)
		for k := range facts {
			facts[k] = fact.Fact{Kind: effectKind, Subject: subjects[(i+k)%effectSubjects], Refs: map[string]uuid.UUID{"batch": batch}}
		}
		work.Go(func() error {
			err := d.Tx(storing, func(tx *ent.Tx) error { return log.Store(storing, tx, facts...) })
			e.mu.Lock()
			defer e.mu.Unlock()
			e.committed[batch] = time.Now()
			return err
		})
	}
	return work.Wait()
}

// finish waits for so many effects.
func (e *effects) finish(ctx context.Context, want int) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		e.mu.Lock()
		have := len(e.took)
		e.mu.Unlock()
		if have >= want {
			return nil
		}
		if err := wait(ctx, 5*time.Millisecond); err != nil {
			return fmt.Errorf("%d of %d effects were had: %w", have, want, err)
		}
	}
}
