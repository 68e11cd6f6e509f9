package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/convenehq/convene/internal/messaging"
)

const (
	writers       = 64
	conversations = 200
)

// measureSend alternates between our messages and the plainest rows there are, so that whatever else the
// machine does falls on both.
func measureSend(ctx context.Context, b *bench) (rows []row, err error) {
	n, err := b.house.open(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, n.close()) }()
	people, err := b.house.people(ctx, n, neighbours)
	if err != nil {
		return nil, err
	}
	all, err := pairs(ctx, n, people, 1)
	if err != nil {
		return nil, err
	}
	all = all[:conversations]
	plain, absence, err := newPlainRows(ctx, b.house, n.db)
	if err != nil {
		return nil, err
	}
	defer plain.close()
	what := fmt.Sprintf("sendMessage, %d writers, %d conversations, durable", writers, conversations)
	rate := row{what: what, unit: "messages/s", beside: absence}
	p99 := row{what: "sendMessage: p99", unit: "ms"}
	own := row{what: "sendMessage: CPU of Convene and the writers", unit: "ms/message"}
	database := row{what: "sendMessage: CPU of PostgreSQL", unit: "ms/message"}
	inserts := row{what: fmt.Sprintf("single-row INSERTs by pgbench, %d clients", plainClients), unit: "rows/s"}
	var ratios []float64
	if _, err := sendMessages(ctx, b, n, all, time.Second); err != nil { // plans, pages and connections get warm
		return nil, err
	}
	stop, err := b.profile("send")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	for round := range rounds {
		b.say("send: round %d of %d", round+1, rounds)
		sent, err := sendMessages(ctx, b, n, all, b.during(4*time.Second))
		if err != nil {
			return nil, err
		}
		rate.values = append(rate.values, sent.perSecond)
		p99.values = append(p99.values, milliseconds(sent.p99))
		own.values, database.values = sent.each.appendTo(own.values, database.values)
		if plain == nil {
			continue
		}
		perSecond, err := plain.insert(ctx, b.during(4*time.Second))
		if err != nil {
			return nil, err
		}
		inserts.values = append(inserts.values, perSecond)
		ratios = append(ratios, sent.perSecond/perSecond)
	}
	if len(ratios) > 0 {
		ratio := median(ratios)
		rate.goal = goal{"≥ 1/4 of the INSERTs", func(float64) bool { return ratio >= 0.25 }}
		rate.beside = fmt.Sprintf("%s of the INSERTs (%s)", figure(ratio), spread(ratios))
	}
	return []row{rate, inserts, p99, own, database}, nil
}

// A sending is what came of some seconds of sending.
type sending struct {
	perSecond float64
	p99       time.Duration
	each      costs // of a message
}

// sendMessages has all writers send, each its next message as soon as the one before is on disk. They send
// keys, as clients that mean to retry do.
func sendMessages(ctx context.Context, b *bench, n *node, to []pair, d time.Duration) (sending, error) {
	latencies := make([][]time.Duration, writers)
	var sent atomic.Int64
	run := rand.Int64()
	before, began := b.house.costs(), time.Now()
	work, ctx := errgroup.WithContext(ctx)
	for w := range writers {
		work.Go(func() error {
			for i := 0; time.Since(began) < d && ctx.Err() == nil; i++ {
				p := &to[rand.IntN(len(to))]
				key := fmt.Sprintf("%x-%d-%d", run, w, i)
				start := time.Now()
				_, err := n.messaging.Send(p.between[i%2].as(ctx), messaging.SendMessageInput{
					ConversationID: &p.conversation, IdempotencyKey: &key,
					Body: "Shall we meet for lunch at a quarter past twelve? The noodle place by the river has a table.",
				})
				if err != nil {
					return fmt.Errorf("send a message: %w", err)
				}
				latencies[w] = append(latencies[w], time.Since(start))
				sent.Add(1)
			}
			return ctx.Err()
		})
	}
	if err := work.Wait(); err != nil {
		return sending{}, err
	}
	count := int(sent.Load())
	s := sending{perSecond: float64(count) / time.Since(began).Seconds(), each: b.house.costs().since(before).per(count)}
	var all []time.Duration
	for _, some := range latencies {
		all = append(all, some...)
	}
	s.p99 = percentile(all, 0.99)
	return s, nil
}
