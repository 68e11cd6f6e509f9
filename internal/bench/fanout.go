package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
)

// crowds are how many sockets watch one conversation, and how much is said there: the deliveries a second
// are the same.
var crowds = []struct{ sockets, perSecond int }{{200, 100}, {1000, 20}}

// burst is how many messages are sent at once, to see how many deliveries a second there can be. They fit
// into the queues of sockets that do not keep up at once.
const burst = 100

// measureFanout watches one conversation by many sockets, from a process of their own, so that the
// processor time of this one is the node's.
func measureFanout(ctx context.Context, b *bench) (rows []row, err error) {
	n, err := b.house.open(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, n.close()) }()
	people, err := b.house.people(ctx, n, neighbours)
	if err != nil {
		return nil, err
	}
	stop, err := b.profile("fanout")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	for _, c := range crowds {
		some, err := fanOut(ctx, b, n, people, c.sockets, c.perSecond)
		rows = append(rows, some...)
		if err != nil {
			return rows, err
		}
	}
	return rows, nil
}

func fanOut(ctx context.Context, b *bench, n *node, people []person, sockets, perSecond int) (rows []row, err error) {
	room, err := openRoom(ctx, n, people)
	if err != nil {
		return nil, err
	}
	before := memoryInUse()
	a, err := gather(ctx, n, people[1:], room.conversation, sockets)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.leave()) }()
	if err := probe(ctx, a.stands, 1, func() error { return sendSteadily(ctx, n, room.alone(), 0, 1, 1) }); err != nil {
		return nil, errors.Join(err, a.failure())
	}
	memory := row{what: fmt.Sprintf("%s sockets: memory of each", figure(float64(sockets))), unit: "KiB"}
	memory.values = []float64{float64(memoryInUse()-before) / 1024 / float64(sockets)}
	cost := row{what: fmt.Sprintf("%s sockets on one conversation: CPU", figure(float64(sockets))), unit: "µs/delivery"}
	late := row{what: fmt.Sprintf("%s sockets: send to arrival, p99", figure(float64(sockets))), unit: "ms"}
	flood := row{what: fmt.Sprintf("%s sockets, %d messages at once", figure(float64(sockets)), burst), unit: "deliveries/s"}
	for round := range rounds {
		b.say("fanout: %d sockets, round %d of %d", sockets, round+1, rounds)
		count := int(float64(perSecond) * b.during(4*time.Second).Seconds())
		used, began := ownTime(), time.Now()
		if err := sendSteadily(ctx, n, room.alone(), 2*round+1, count, perSecond); err != nil {
			return rows, err
		}
		heard, err := a.hear(ctx, 2*round+1, count*sockets)
		if err != nil {
			return rows, err
		}
		cost.values = append(cost.values, float64((ownTime()-used).Microseconds())/float64(heard.Deliveries))
		cost.beside = fmt.Sprintf("at %s deliveries/s", figure(float64(heard.Deliveries)/time.Since(began).Seconds()))
		late.values = append(late.values, heard.P99)

		used, began = ownTime(), time.Now()
		if err := sendSteadily(ctx, n, room.alone(), 2*round+2, burst, 1_000_000); err != nil {
			return rows, err
		}
		if heard, err = a.hear(ctx, 2*round+2, burst*sockets); err != nil {
			return rows, err
		}
		flood.values = append(flood.values, float64(heard.Deliveries)/time.Since(began).Seconds())
		flood.beside = fmt.Sprintf("%s µs/delivery", figure(float64((ownTime()-used).Microseconds())/float64(heard.Deliveries)))
	}
	return append(rows, cost, late, flood, memory), nil
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

// alone is a list of one.
func (p pair) alone() []pair { return []pair{p} }

// memoryInUse is what the collector finds in use.
func memoryInUse() int64 {
	runtime.GC()
	runtime.GC() // what was only in pools goes with the second one
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
