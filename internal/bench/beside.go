package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
)

// A stage is where ours and stock gqlgen show the same, by turns, so that whatever else the machine does falls on
// both: a host and an audience for each, and a node that sends to both from outside.
type stage struct {
	from    *node
	sides   [2]*side // ours, then stock
	sockets int      // of each side
}

// A side is a host with its audience.
type side struct {
	name     string
	host     *host
	audience *audience
	rooms    []pair
	// bare is the host before its sockets were opened.
	bare condition
}

// A casting says who watches what: so many rooms of so many members each, out of the people, and sockets that take
// turns over rooms first and members second.
type casting struct{ people, rooms, members, sockets int }

// in is a casting for a short run.
func (c casting) in(b *bench) casting {
	if b.short {
		c.rooms, c.sockets = max(1, c.rooms/10), c.sockets/10
	}
	return c
}

func (b *bench) openStage(ctx context.Context, c casting) (s *stage, err error) {
	s = &stage{sockets: c.sockets}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.from, err = b.house.open(ctx, nil); err != nil {
		return s, err
	}
	people, err := b.house.people(ctx, s.from, c.people)
	if err != nil {
		return s, err
	}
	for i, name := range []string{"Convene", "stock"} {
		b.say("%s sockets for %s", figure(float64(c.sockets)), name)
		if s.sides[i], err = b.house.openSide(ctx, s.from, name, people, c); err != nil {
			return s, err
		}
	}
	return s, nil
}

// openSide begins with the second side's name, stock, what gqlgen does by itself.
func (h *house) openSide(ctx context.Context, from *node, name string, people []person, c casting) (s *side, err error) {
	s = &side{name: name}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.host, err = h.openHost(ctx, name == "stock"); err != nil {
		return s, err
	}
	to := watching{Endpoint: s.host.endpoint, Seats: make([]seat, c.sockets)}
	for _, p := range people {
		to.Tokens = append(to.Tokens, p.token)
	}
	for r := range c.rooms {
		members := make([]person, c.members)
		for m := range members {
			members[m] = people[(r+m)%len(people)]
		}
		room, err := openRoom(ctx, from, members)
		if err != nil {
			return s, err
		}
		s.rooms, to.Conversations = append(s.rooms, room), append(to.Conversations, string(room.conversation))
	}
	for i := range to.Seats {
		room := i % c.rooms
		to.Seats[i] = seat{Person: (room + i/c.rooms%c.members) % len(people), Conversation: room}
	}
	if s.bare, err = s.host.ask(demand{Rest: true}); err != nil {
		return s, err
	}
	if s.audience, err = gather(ctx, to); err != nil {
		return s, err
	}
	return s, s.audience.stand(ctx, c.sockets, func() error {
		return sendSteadily(ctx, from, s.rooms, 0, len(s.rooms), 1000)
	})
}

// A turn is what came of some seconds of messages on one side.
type turn struct {
	report
	owed  int           // deliveries
	used  time.Duration // of the host's processor time
	took  time.Duration // from the first message to the last delivery
	after condition     // how the host was then
}

// wrong counts the deliveries that are missing, and those that were left out, doubled or out of order.
func (t turn) wrong() int { return t.owed - t.Deliveries + t.Lost + t.Twice }

// perDelivery is the host's processor time for one, in microseconds.
func (t turn) perDelivery() float64 {
	return float64(t.used.Nanoseconds()) / 1000 / float64(max(1, t.Deliveries))
}

// rounds lets the two sides play by turns. Ours is on side 0.
func (s *stage) rounds(ctx context.Context, b *bench, name string, play func(round, i int, on *side) error) (err error) {
	for _, side := range s.sides {
		stop, err := side.host.profile(b, name)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	for round := range rounds {
		for i, side := range s.sides {
			b.say("%s: round %d of %d, %s", name, round+1, rounds, side.name)
			if err := play(round+1, i, side); err != nil {
				return fmt.Errorf("%s: %w", side.name, err)
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	return nil
}

// play sends on one side, waits for the deliveries, and says what they took.
func (s *stage) play(ctx context.Context, on *side, round, count, perSecond int, patience time.Duration) (t turn, err error) {
	t.owed = count * s.sockets / len(on.rooms)
	before, err := on.host.ask(demand{})
	if err != nil {
		return t, err
	}
	began := time.Now()
	if err := sendSteadily(ctx, s.from, on.rooms, round, count, perSecond); err != nil {
		return t, err
	}
	if t.report, err = on.audience.hear(ctx, round, t.owed, patience); err != nil {
		return t, err
	}
	t.took = time.Since(began)
	t.after, err = on.host.ask(demand{})
	t.used = t.after.Used - before.Used
	return t, err
}

// rest has both hosts give back what they can, and answers what is left of each socket. It is for the end: the
// stacks of goroutines that have shrunk by it would have to grow again in the next round.
func (s *stage) rest() (memory, goroutines contest, err error) {
	for i, side := range s.sides {
		now, err := side.host.ask(demand{Rest: true})
		if err != nil {
			return memory, goroutines, err
		}
		memory[i] = append(memory[i], (now.Resident-side.bare.Resident)/float64(s.sockets))
		goroutines[i] = append(goroutines[i], float64(now.Goroutines-side.bare.Goroutines)/float64(s.sockets))
	}
	return memory, goroutines, nil
}

func (s *stage) close() error {
	var errs []error
	for _, side := range s.sides {
		if side != nil {
			errs = append(errs, side.close())
		}
	}
	if s.from != nil {
		errs = append(errs, s.from.close())
	}
	return errors.Join(errs...)
}

func (s *side) close() error {
	var errs []error
	if s.audience != nil {
		errs = append(errs, s.audience.leave())
	}
	if s.host != nil {
		errs = append(errs, s.host.leave())
	}
	return errors.Join(errs...)
}

// openRoom makes a conversation of all the people, in which the first speaks.
func openRoom(ctx context.Context, n *node, people []person) (pair, error) {
	members := make([]uuid.UUID, len(people))
	for i, p := range people {
		members[i] = p.id
	}
	c, err := n.messaging.Open(ctx, "Everybody", members...)
	if err != nil {
		return pair{}, err
	}
	return pair{[2]person{people[0], people[1]}, relay.NewID(ent.ConversationPrefix, c.ID)}, nil
}

// A contest has one figure of each side in each round.
type contest [2][]float64

// row is the contest's: ours, with stock's beside it, and a goal for the ratio of the two in the same round. With a
// part of 0 the goal is the row's own, if any.
func (c contest) row(what, unit string, part float64) row {
	r := row{what: what, unit: unit, values: c[0]}
	var ratios []float64
	for i := range min(len(c[0]), len(c[1])) {
		ratios = append(ratios, c[0][i]/c[1][i])
	}
	if len(ratios) == 0 {
		return r
	}
	ratio := median(ratios)
	r.beside = fmt.Sprintf("stock %s (%s): %s × (%s)", figure(median(c[1])), spread(c[1]), figure(ratio), spread(ratios))
	if part > 0 {
		r.goal = goal{fmt.Sprintf("≤ 1/%s of stock", figure(part)), func(float64) bool { return ratio <= 1/part }}
	}
	return r
}
