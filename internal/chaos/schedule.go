package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// A mishap is something that goes wrong.
type mishap string

// The mishaps there are.
const (
	mishapPubSub   mishap = "pubsub"   // Redis ends every connection that has subscribed
	mishapSwallow  mishap = "swallow"  // what is published does not arrive
	mishapLate     mishap = "late"     // what is published arrives late, and after what came later
	mishapStall    mishap = "stall"    // nothing passes between a node and Redis, and nobody is told
	mishapCut      mishap = "cut"      // a node can not reach Redis
	mishapKill     mishap = "kill"     // a node is killed with SIGKILL, and started again
	mishapFlush    mishap = "flush"    // Redis loses all that it has
	mishapPostgres mishap = "postgres" // PostgreSQL ends every connection
	mishapReader   mishap = "reader"   // a client stops reading
	mishapSlot     mishap = "slot"     // a slot of the Redis Cluster moves to another server
	mishapRedis    mishap = "redis"    // Redis stops, and starts again with nothing
)

// A phase is a part of a run with mishaps of its own, so that what they cost can be told apart.
type phase struct {
	name    string
	weight  int
	mishaps []mishap

	from, until time.Duration // since the run began
}

// phases are those of a whole run.
var phases = []phase{
	{name: "nothing wrong", weight: 8},
	{name: "pub/sub killed every second", weight: 12, mishaps: []mishap{mishapPubSub}},
	{name: "messages swallowed and late", weight: 12, mishaps: []mishap{mishapSwallow, mishapLate}},
	{name: "way to Redis stalled, cut", weight: 12, mishaps: []mishap{mishapStall, mishapCut}},
	{name: "a node killed", weight: 12, mishaps: []mishap{mishapKill}},
	{name: "FLUSHALL, PostgreSQL cut off", weight: 12, mishaps: []mishap{mishapFlush, mishapPostgres, mishapReader}},
	{name: "slots of the cluster moved", weight: 12, mishaps: []mishap{mishapSlot}},
	{name: "Redis stopped", weight: 18, mishaps: []mishap{mishapRedis}},
	{name: "all of it at once", weight: 24, mishaps: []mishap{
		mishapPubSub, mishapSwallow, mishapLate, mishapStall, mishapCut, mishapKill, mishapFlush, mishapPostgres, mishapReader, mishapSlot, mishapRedis,
	}},
}

// A strike is a mishap at its time.
type strike struct {
	mishap mishap
	// at is when it begins, lasts how long it holds; 0 for what is over at once.
	at, lasts time.Duration
	// node is whom it concerns, where that is one.
	node int
}

func (e strike) String() string {
	s := fmt.Sprintf("%6.2f s  %s", e.at.Seconds(), e.mishap)
	if slices.Contains([]mishap{mishapStall, mishapCut, mishapKill}, e.mishap) {
		s += fmt.Sprintf(" node %d", e.node+1)
	}
	if e.lasts > 0 {
		s += fmt.Sprintf(" for %.2f s", e.lasts.Seconds())
	}
	return s
}

// A schedule is what goes wrong when.
type schedule struct {
	phases  []phase
	strikes []strike
}

// scheduleOf is the schedule of a seed: the same one for the same seed, duration and mishaps.
func scheduleOf(seed uint64, duration time.Duration, chosen []mishap) schedule {
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // it has to be repeatable
	var p schedule
	total := 0
	for _, ph := range phases {
		ph.mishaps = slices.DeleteFunc(slices.Clone(ph.mishaps), func(f mishap) bool { return !slices.Contains(chosen, f) })
		if ph.weight > phases[0].weight && len(ph.mishaps) == 0 {
			continue
		}
		total += ph.weight
		p.phases = append(p.phases, ph)
	}
	at := time.Duration(0)
	for i := range p.phases {
		ph := &p.phases[i]
		ph.from, ph.until = at, at+duration*time.Duration(ph.weight)/time.Duration(total)
		at = ph.until
		for _, f := range ph.mishaps {
			p.strikes = append(p.strikes, when(random, f, ph.from, ph.until-ph.from)...)
		}
	}
	slices.SortStableFunc(p.strikes, func(a, b strike) int { return int(a.at - b.at) })
	return p
}

// when puts a mishap into a phase.
func when(random *rand.Rand, f mishap, from, length time.Duration) []strike {
	// between is a moment of the phase, share a part of its length.
	between := func(low, high float64) time.Duration {
		return from + time.Duration((low+(high-low)*random.Float64())*float64(length))
	}
	share := func(low, high float64, most time.Duration) time.Duration {
		return min(most, between(low, high)-from)
	}
	one := func(at, lasts time.Duration) []strike {
		return []strike{{mishap: f, at: at, lasts: lasts, node: random.IntN(nodeCount)}}
	}
	switch f {
	case mishapPubSub, mishapSlot:
		every := time.Second
		if f == mishapSlot {
			every /= 4
		}
		var all []strike
		for at := from; at < from+length; at += every {
			all = append(all, strike{mishap: f, at: at + time.Duration(random.Int64N(int64(min(every/2, from+length-at))))})
		}
		return all
	case mishapSwallow, mishapLate:
		return []strike{{mishap: f, at: from, lasts: length}}
	case mishapStall:
		return one(between(0.05, 0.15), share(0.25, 0.4, 8*time.Second))
	case mishapCut:
		return one(between(0.5, 0.6), share(0.2, 0.3, 6*time.Second))
	case mishapKill:
		return one(between(0.1, 0.3), share(0.1, 0.2, 3*time.Second))
	case mishapFlush:
		return append(one(between(0.1, 0.3), 0), one(between(0.6, 0.8), 0)...)
	case mishapPostgres:
		return one(between(0.3, 0.6), 0)
	case mishapReader:
		return one(between(0, 0.1), share(0.6, 0.8, 20*time.Second))
	default:
		return one(between(0.05, 0.15), share(0.6, 0.75, 30*time.Second))
	}
}

// allMishaps are the names of all mishaps, in the order of the phases.
func allMishaps() []mishap { return phases[len(phases)-1].mishaps }

// chooseMishaps reads a list of mishaps.
func chooseMishaps(text string) ([]mishap, error) {
	switch text {
	case "all":
		return allMishaps(), nil
	case "none":
		return nil, nil
	}
	var chosen []mishap
	for name := range strings.SplitSeq(text, ",") {
		f := mishap(strings.TrimSpace(name))
		if !slices.Contains(allMishaps(), f) {
			return nil, fmt.Errorf("there is no mishap %q: see -help", name)
		}
		chosen = append(chosen, f)
	}
	return chosen, nil
}
