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
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/messaging"
)

const (
	circleRate    = 200 // messages a second
	circleMembers = 50
)

// measureCircle sends to one conversation of many, and to one of two, in turns: the feeds of the many are
// written meanwhile, and the senders must not notice.
func measureCircle(ctx context.Context, b *bench) (rows []row, err error) {
	n, err := b.house.open(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, n.close()) }()
	people, err := b.house.people(ctx, n, circleMembers)
	if err != nil {
		return nil, err
	}
	members := make([]uuid.UUID, len(people))
	for i, p := range people {
		members[i] = p.id
	}
	circle, err := n.messaging.Open(ctx, "bench circle", members...)
	if err != nil {
		return nil, err
	}
	direct, err := pairs(ctx, n, people[:2], 1)
	if err != nil {
		return nil, err
	}
	many := relay.NewID(ent.ConversationPrefix, circle.ID)
	var p50, p99 [2][]float64
	var ratio50, ratio99 []float64
	for round := range rounds {
		b.say("circle: round %d of %d", round+1, rounds)
		turns := [2]relay.ID{many, direct[0].conversation}
		var now [2][2]float64
		for i := range turns {
			which := (i + round) % 2
			took, err := ackSteadily(ctx, n, people[0], turns[which], int(circleRate*b.during(6*time.Second).Seconds()))
			if err != nil {
				return nil, err
			}
			now[which] = [2]float64{milliseconds(percentile(took, 0.5)), milliseconds(percentile(took, 0.99))}
			p50[which], p99[which] = append(p50[which], now[which][0]), append(p99[which], now[which][1])
		}
		ratio50, ratio99 = append(ratio50, now[0][0]/now[1][0]), append(ratio99, now[0][1]/now[1][1])
	}
	what := func(many bool, p string) string {
		if many {
			return fmt.Sprintf("a message to %d members acknowledged, %d/s: %s", circleMembers, circleRate, p)
		}
		return fmt.Sprintf("a message to one person acknowledged, %d/s: %s", circleRate, p)
	}
	at := func(ratios []float64, limit float64) (goal, string) {
		r := median(ratios)
		return goal{fmt.Sprintf("≤ %s × to one", figure(limit)), func(float64) bool { return r <= limit }},
			fmt.Sprintf("%s × (%s)", figure(r), spread(ratios))
	}
	g50, beside50 := at(ratio50, 1.2)
	g99, beside99 := at(ratio99, 2)
	return []row{
		{what: what(true, "p50"), unit: "ms", values: p50[0], goal: g50, beside: beside50},
		{what: what(true, "p99"), unit: "ms", values: p99[0], goal: g99, beside: beside99},
		{what: what(false, "p50"), unit: "ms", values: p50[1]},
		{what: what(false, "p99"), unit: "ms", values: p99[1]},
	}, nil
}

// ackSteadily sends so many messages at the rate and answers how long each took to be acknowledged.
func ackSteadily(ctx context.Context, n *node, from person, to relay.ID, count int) ([]time.Duration, error) {
	var mu sync.Mutex
	var took []time.Duration
	work, sending := errgroup.WithContext(ctx)
	began := time.Now()
	for i := range count {
		due := began.Add(time.Duration(i) * time.Second / circleRate)
		if wait(sending, time.Until(due)) != nil {
			break
		}
		work.Go(func() error {
			start := time.Now()
			_, err := n.messaging.Send(from.as(sending), messaging.SendMessageInput{ConversationID: &to, Body: fmt.Sprint("message ", i)})
			mu.Lock()
			defer mu.Unlock()
			took = append(took, time.Since(start))
			return err
		})
	}
	return took, work.Wait()
}
