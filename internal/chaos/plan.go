package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// A fault is something that goes wrong.
type fault string

// The faults there are.
const (
	faultPubSub   fault = "pubsub"   // Redis ends every connection that has subscribed
	faultSwallow  fault = "swallow"  // what is published does not arrive
	faultLate     fault = "late"     // what is published arrives late, and after what came later
	faultStall    fault = "stall"    // nothing passes between a node and Redis, and nobody is told
	faultCut      fault = "cut"      // a node can not reach Redis
	faultKill     fault = "kill"     // a node is killed with SIGKILL, and started again
	faultFlush    fault = "flush"    // Redis loses all that it has
	faultPostgres fault = "postgres" // PostgreSQL ends every connection
	faultReader   fault = "reader"   // a client stops reading
	faultRedis    fault = "redis"    // Redis stops, and starts again with nothing
)

// A phase is a part of a run with faults of its own, so that what they cost can be told apart.
type phase struct {
	name   string
	weight int
	faults []fault

	from, until time.Duration // since the run began
}

// phases are those of a whole run.
var phases = []phase{
	{name: "nothing wrong", weight: 8},
	{name: "pub/sub killed every second", weight: 12, faults: []fault{faultPubSub}},
	{name: "messages swallowed and late", weight: 12, faults: []fault{faultSwallow, faultLate}},
	{name: "way to Redis stalled, cut", weight: 12, faults: []fault{faultStall, faultCut}},
	{name: "a node killed", weight: 12, faults: []fault{faultKill}},
	{name: "FLUSHALL, PostgreSQL cut off", weight: 12, faults: []fault{faultFlush, faultPostgres, faultReader}},
	{name: "Redis stopped", weight: 18, faults: []fault{faultRedis}},
	{name: "all of it at once", weight: 24, faults: []fault{
		faultPubSub, faultSwallow, faultLate, faultStall, faultCut, faultKill, faultFlush, faultPostgres, faultReader, faultRedis,
	}},
}

// An event is a fault at its time.
type event struct {
	fault fault
	// at is when it begins, lasts how long it holds; 0 for what is over at once.
	at, lasts time.Duration
	// node is whom it concerns, where that is one.
	node int
}

func (e event) String() string {
	s := fmt.Sprintf("%6.2f s  %s", e.at.Seconds(), e.fault)
	switch e.fault {
	case faultStall, faultCut, faultKill:
		s += fmt.Sprintf(" node %d", e.node+1)
	}
	if e.lasts > 0 {
		s += fmt.Sprintf(" for %.2f s", e.lasts.Seconds())
	}
	return s
}

// A plan is what goes wrong when.
type plan struct {
	phases []phase
	events []event
}

// planOf is the plan of a seed: the same one for the same seed, duration and faults.
func planOf(seed uint64, duration time.Duration, chosen []fault) plan {
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // it has to be repeatable
	var p plan
	total := 0
	for _, ph := range phases {
		ph.faults = slices.DeleteFunc(slices.Clone(ph.faults), func(f fault) bool { return !slices.Contains(chosen, f) })
		if ph.weight > phases[0].weight && len(ph.faults) == 0 {
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
		for _, f := range ph.faults {
			p.events = append(p.events, when(random, f, ph.from, ph.until-ph.from)...)
		}
	}
	slices.SortStableFunc(p.events, func(a, b event) int { return int(a.at - b.at) })
	return p
}

// when puts a fault into a phase.
func when(random *rand.Rand, f fault, from, length time.Duration) []event {
	// between is a moment of the phase, share a part of its length.
	between := func(low, high float64) time.Duration {
		return from + time.Duration((low+(high-low)*random.Float64())*float64(length))
	}
	share := func(low, high float64, most time.Duration) time.Duration {
		return min(most, between(low, high)-from)
	}
	one := func(at, lasts time.Duration) []event {
		return []event{{fault: f, at: at, lasts: lasts, node: random.IntN(nodeCount)}}
	}
	switch f {
	case faultPubSub:
		var all []event
		for at := from; at < from+length; at += time.Second {
			all = append(all, event{fault: f, at: at + time.Duration(random.Int64N(int64(time.Second)/2))})
		}
		return all
	case faultSwallow, faultLate:
		return []event{{fault: f, at: from, lasts: length}}
	case faultStall:
		return one(between(0.05, 0.15), share(0.25, 0.4, 8*time.Second))
	case faultCut:
		return one(between(0.5, 0.6), share(0.2, 0.3, 6*time.Second))
	case faultKill:
		return one(between(0.1, 0.3), share(0.1, 0.2, 3*time.Second))
	case faultFlush:
		return append(one(between(0.1, 0.3), 0), one(between(0.6, 0.8), 0)...)
	case faultPostgres:
		return one(between(0.3, 0.6), 0)
	case faultReader:
		return one(between(0, 0.1), share(0.6, 0.8, 20*time.Second))
	default:
		return one(between(0.05, 0.15), share(0.6, 0.75, 30*time.Second))
	}
}

// allFaults are the names of all faults, in the order of the phases.
func allFaults() []fault { return phases[len(phases)-1].faults }

// chooseFaults reads a list of faults.
func chooseFaults(text string) ([]fault, error) {
	switch text {
	case "all":
		return allFaults(), nil
	case "none":
		return nil, nil
	}
	var chosen []fault
	for name := range strings.SplitSeq(text, ",") {
		f := fault(strings.TrimSpace(name))
		if !slices.Contains(allFaults(), f) {
			return nil, fmt.Errorf("there is no fault %q: see -help", name)
		}
		chosen = append(chosen, f)
	}
	return chosen, nil
}
