package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/convenehq/convene/graph"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/messaging"
)

const (
	sweepStreams = 300_000
	sweepActive  = 100_000
	sweepRound   = 4 * time.Second
)

// measureSweep has a node with very many streams on it, to which nothing happens, and measures what the sweep costs
// that finds this out: a round over all of them every four seconds.
func measureSweep(ctx context.Context, b *bench) (rows []row, err error) {
	d, err := db.Open(ctx, b.house.services.DatabaseURL, db.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	// The newer cursors that silent subscribers are told now and then are no part of it.
	hub := live.New(live.Options{Epoch: d.Epoch, Sweep: sweepRound, Tell: time.Hour})
	slices := graph.Connect(graph.Base{DB: d, Ring: b.house.ring, Hub: hub})
	defer slices.Close()
	if err := hub.Start(ctx); err != nil {
		return nil, err
	}
	defer hub.Close()
	all, err := makeStreams(ctx, d, slices.Messaging, sweepStreams)
	if err != nil {
		return nil, err
	}
	idle, err := sharesOfACore(ctx, b, 2*sweepRound)
	if err != nil {
		return nil, err
	}
	// Those that were made last, where people write, and as many from all times.
	rand.Shuffle(len(all)-sweepActive/2, func(i, j int) { all[i], all[j] = all[j], all[i] })
	b.say("sweep: attaching to %d streams", sweepActive)
	if err := attachAll(ctx, hub, all[len(all)-sweepActive/2:], all[:sweepActive/2]); err != nil {
		return nil, err
	}
	if err := wait(ctx, sweepRound); err != nil {
		return nil, err
	}
	const unit = "% of a core"
	own := row{what: fmt.Sprintf("the sweep over %d of %d streams every 4 s: CPU of Convene", sweepActive, sweepStreams), unit: unit, goal: below(2, "%")}
	database := row{what: "the same: CPU of PostgreSQL", unit: unit, goal: below(5, "%")}
	own.beside = figure(idle[0]) + " % without streams"
	database.beside = figure(idle[1]) + " % without streams"
	for round := range rounds {
		b.say("sweep: round %d of %d", round+1, rounds)
		used, err := sharesOfACore(ctx, b, 4*sweepRound)
		if err != nil {
			return nil, err
		}
		own.values, database.values = append(own.values, used[0]), append(database.values, used[1])
	}
	return []row{own, database}, nil
}

// sharesOfACore is what Convene and PostgreSQL use in a while, in percent.
func sharesOfACore(ctx context.Context, b *bench, during time.Duration) (used [2]float64, err error) {
	before, began := b.house.costs(), time.Now()
	if err := wait(ctx, b.during(during)); err != nil {
		return used, err
	}
	c, took := b.house.costs().since(before), float64(time.Since(began))
	return [2]float64{100 * float64(c.own) / took, 100 * float64(c.database) / took}, nil
}

// makeStreams makes conversations, their ids in the order in which they were made.
func makeStreams(ctx context.Context, d *db.DB, m *messaging.Service, count int) ([]uuid.UUID, error) {
	ids, err := m.OpenEmpty(ctx, "sweep", count)
	if err != nil {
		return nil, err
	}
	// As the planner and the pages are where nobody has just made so many.
	for _, tidy := range []string{"VACUUM ANALYZE conversations", "CHECKPOINT"} {
		if _, err := d.SQL.ExecContext(ctx, tidy); err != nil {
			return nil, fmt.Errorf("tidy up behind the streams: %w", err)
		}
	}
	return ids, nil
}

// silent renders nothing: what is measured is what happens while there is nothing to render.
type silent struct{}

// Render implements live.Renderer.
func (silent) Render(context.Context, live.Item, bool) ([]byte, error) { return nil, nil }

// Close implements live.Renderer.
func (silent) Close() {}

// attachAll subscribes to streams for as long as the hub is there.
func attachAll(ctx context.Context, hub *live.Hub, some ...[]uuid.UUID) error {
	work, attaching := errgroup.WithContext(ctx)
	work.SetLimit(16)
	for _, ids := range some {
		for _, id := range ids {
			work.Go(func() error {
				_, err := hub.Attach(attaching, live.Request{
					Key: live.Key{Kind: messaging.StreamKind, ID: id}, Plan: "silent",
					Renderer: func() (live.Renderer, error) { return silent{}, nil },
				}, &live.Member{Deliver: func([]byte, string) {}, Fail: func(error) {}})
				return err
			})
		}
	}
	return work.Wait()
}
