package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/messaging"
)

const (
	absenceSubjects = 300
	absenceChanges  = 5000
)

// measureFeed follows feeds on one node while another one sends, and then lets somebody catch up with a week.
func measureFeed(ctx context.Context, b *bench) (rows []row, err error) {
	t := &timings{}
	here, there, err := b.house.openTwo(ctx, t.committed)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, there.close(), here.close()) }()
	people, err := b.house.people(ctx, here, neighbours)
	if err != nil {
		return nil, err
	}
	live, err := measureFeedLive(ctx, b, t, here, there, people)
	if err != nil {
		return nil, err
	}
	away, err := measureAbsence(ctx, b, here, there, people[0], people[1])
	return append(live, away...), err
}

// feedWatchers is how many follow their feed, each on what one conversation does to it.
const feedWatchers = neighbours - 1

func measureFeedLive(ctx context.Context, b *bench, t *timings, here, there *node, people []person) ([]row, error) {
	all, err := pairs(ctx, here, people, 1)
	if err != nil {
		return nil, err
	}
	// The conversations of the first person with each other one: every feed is followed by one person.
	var watched []pair
	for _, p := range all {
		if p.between[1].id == people[0].id {
			watched = append(watched, pair{between: [2]person{p.between[1], p.between[0]}, conversation: p.conversation})
		}
	}
	leave, err := watchAll(ctx, t, here, watched, func(ctx context.Context, p pair) (*socket, error) {
		return follow(ctx, there.endpoint(), p.between[1].token, "")
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, leave()) }()
	const rate = 10 * feedWatchers
	what := fmt.Sprintf("commit to the feed on another node, %d messages/s to %d people", rate, feedWatchers)
	p50 := row{what: what + ": p50", unit: "ms", goal: below(20, "ms")}
	p99 := row{what: what + ": p99", unit: "ms"}
	for round := range rounds {
		b.say("feed: round %d of %d", round+1, rounds)
		count := int(rate * b.during(6*time.Second).Seconds())
		t.begin(round+1, count)
		if err := sendSteadily(ctx, here, watched, round+1, count, rate); err != nil {
			return nil, err
		}
		latencies, err := t.end(ctx)
		if err != nil {
			return nil, err
		}
		p50.values = append(p50.values, milliseconds(percentile(latencies, 0.50)))
		p99.values = append(p99.values, milliseconds(percentile(latencies, 0.99)))
		p99.beside = fmt.Sprintf("%d of %d arrived", len(latencies), count)
	}
	return []row{p50, p99}, err
}

// measureAbsence is how long it takes from subscribing to the last frame of a week in which many things changed.
func measureAbsence(ctx context.Context, b *bench, here, there *node, who, other person) ([]row, error) {
	b.say("feed: a week's absence")
	s, err := follow(ctx, here.endpoint(), who.token, "")
	if err != nil {
		return nil, err
	}
	defer s.close()
	greeting, err := s.next(ctx)
	if err != nil {
		return nil, err
	}
	cursor := cursorOf(greeting)
	subjects := make([]relay.ID, absenceSubjects)
	for i := range subjects {
		c, err := here.messaging.Open(ctx, fmt.Sprint("bench circle ", i), []uuid.UUID{who.id, other.id}...)
		if err != nil {
			return nil, err
		}
		subjects[i] = relay.NewID(ent.ConversationPrefix, c.ID)
	}
	for i := range absenceChanges {
		_, err := here.messaging.Send(other.as(ctx), messaging.SendMessageInput{
			ConversationID: &subjects[i%len(subjects)], Body: fmt.Sprint("while you were away ", i),
		})
		if err != nil {
			return nil, err
		}
	}
	if err := settled(ctx, here); err != nil {
		return nil, err
	}
	last := row{what: fmt.Sprintf("a week away, %d changes of %d things: subscribing to the last frame", absenceChanges, absenceSubjects), unit: "ms", goal: below(50, "ms")}
	frames := 0
	for range 2 * rounds { // the first finds nothing warm
		start := time.Now()
		back, err := follow(ctx, there.endpoint(), who.token, cursor)
		if err != nil {
			return nil, err
		}
		for frames = range absenceSubjects {
			text, err := back.next(ctx)
			if err != nil {
				return nil, err
			}
			if !bytes.Contains(text, []byte("ConversationChanged")) {
				return nil, fmt.Errorf("the feed answered %.200s", text)
			}
		}
		last.values = append(last.values, milliseconds(time.Since(start)))
		back.close()
	}
	last.beside = fmt.Sprintf("%d frames, the opening of the socket included", frames+1)
	return []row{last}, nil
}

// settled waits until the consumer of feeds has nothing to do.
func settled(ctx context.Context, n *node) error {
	for {
		stats, err := n.facts.Stats(ctx)
		if err != nil {
			return err
		}
		depth := int64(0)
		for _, s := range stats {
			depth += s.Depth
		}
		if depth == 0 {
			return nil
		}
		if err := wait(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

func cursorOf(frame []byte) string {
	_, rest, _ := bytes.Cut(frame, []byte(`"cursor":"`))
	cursor, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(cursor)
}
