package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/rehearsal"
	"github.com/convenehq/convene/internal/token"
)

const (
	writerCount = 16
	// patience is how long everybody may take at the end to have everything: several sweeps.
	patience = 60 * time.Second
	// sseShare is one client in how many that follows over server-sent events.
	sseShare = 8
)

// A chaos is one run.
type chaos struct {
	options
	say func(format string, args ...any)

	schedule  schedule
	services  *services
	nodes     *nodes
	db        *db.DB
	town      *town
	crowd     *crowd
	ledger    *ledger
	followers []*follower
	apps      []*app
	began     time.Time

	watching sync.WaitGroup
	mu       sync.Mutex // guards followers, which those who stop reading join
}

// run makes a chaos of the built program, and says what came of it.
func (c *chaos) run(ctx context.Context, out io.Writer) (r *rehearsal.Report, err error) {
	c.schedule = scheduleOf(c.seed, c.duration, c.mishaps)
	c.ledger = newLedger()
	if c.services, err = startServices(ctx, c.isCluster, c.say); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.services.close()) }()
	fleet := rehearsal.NewFleet()
	c.nodes = &nodes{program: c.program, services: c.services, keys: token.NewKey(), fleet: fleet}
	defer func() { _, closing := c.nodes.close(); err = errors.Join(err, closing) }()
	if err := c.nodes.open(ctx, c.seed); err != nil {
		return nil, err
	}
	proxies := slices.Concat(c.nodes.proxies[:]...) // their figures are for the report
	looking, stop := context.WithCancel(ctx)
	defer stop()
	go fleet.Watch(looking)
	if c.db, err = db.Open(ctx, c.services.postgres.DatabaseURL, db.Options{MaxConns: 4}); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.db.Close()) }()

	c.say("registering %d people", c.clients)
	if c.town, err = settle(ctx, fleet, c.db, c.nodes.keys, c.clients, c.random(10)); err != nil {
		return nil, err
	}
	c.crowd = &crowd{fleet: fleet, stay: min(10*time.Second, max(2*time.Second, c.duration/12))}
	watch, leave := context.WithCancel(ctx)
	defer func() { leave(); c.watching.Wait() }()
	c.gather(watch)
	if err := c.storm(ctx, watch, out); err != nil {
		return nil, err
	}
	c.crowd.isCalm.Store(true)
	c.say("over; waiting until everybody has everything")
	differences, examples := c.await(ctx)
	// What comes a second time may come with the next sweep.
	if err := rehearsal.Wait(ctx, min(5*time.Second, c.duration/4)); err != nil {
		return nil, err
	}
	leave()
	c.watching.Wait()
	t, err := readTruth(ctx, c.db)
	if err != nil {
		return nil, err
	}
	complaints, err := c.nodes.close()
	if err != nil {
		return nil, err
	}
	return c.report(t, proxies, differences, append(examples, complaints...)), nil
}

// random is a source of chance of its own for each purpose.
func (c *chaos) random(purpose uint64) *rand.Rand {
	return rand.New(rand.NewPCG(c.seed, purpose)) //nolint:gosec // it has to be repeatable
}

// gather has everybody follow their conversations and their feed: over one socket, or each over an event
// stream of its own.
func (c *chaos) gather(ctx context.Context) {
	for i, p := range c.town.people {
		a := newApp(p, c.crowd.fleet)
		c.apps = append(c.apps, a)
		all := []subscription{a}
		for _, in := range p.in {
			f := follow(p, in)
			c.followers = append(c.followers, f)
			all = append(all, f)
		}
		if i%sseShare != sseShare-1 {
			cl := &client{crowd: c.crowd, who: p, follow: all, random: c.random(uint64(1000 + 10*i))}
			c.watching.Go(func() { cl.live(ctx) })
			continue
		}
		for k, one := range all {
			cl := &client{crowd: c.crowd, who: p, follow: []subscription{one}, isSSE: true, random: c.random(uint64(1000 + 10*i + k))}
			c.watching.Go(func() { cl.live(ctx) })
		}
	}
}

// storm has people write while everything goes wrong on schedule.
func (c *chaos) storm(ctx, watch context.Context, out io.Writer) error {
	work, stop := context.WithCancel(ctx)
	var writing sync.WaitGroup
	defer func() { stop(); writing.Wait() }()
	for i := range writerCount {
		w := &writer{
			fleet: c.crowd.fleet, ledger: c.ledger, town: c.town, random: c.random(uint64(100 + i)), number: i,
			pace: time.Second * writerCount / time.Duration(c.rate),
		}
		for k := i; k < len(c.town.people); k += writerCount {
			w.people = append(w.people, c.town.people[k])
		}
		if len(w.people) > 0 {
			writing.Go(func() { w.write(ctx, work) })
		}
	}
	c.began = time.Now()
	breaking, failed := errgroup.WithContext(ctx)
	for i, e := range c.schedule.strikes {
		breaking.Go(func() error { return c.bring(failed, watch, uint64(i), e) })
	}
	breaking.Go(func() error {
		for i := range c.schedule.phases {
			if err := rehearsal.Wait(failed, time.Until(c.began.Add(c.schedule.phases[i].until))); err != nil {
				return err
			}
			if err := c.progress(failed, i, out); err != nil {
				return err
			}
		}
		return nil
	})
	return breaking.Wait()
}

// bring has one mishap happen at its time.
func (c *chaos) bring(ctx, watch context.Context, number uint64, e strike) error {
	if err := rehearsal.Wait(ctx, time.Until(c.began.Add(e.at))); err != nil {
		return err
	}
	until := func() error { return rehearsal.Wait(ctx, time.Until(c.began.Add(e.at+e.lasts))) }
	all := func(change func(*proxy)) { each(slices.Concat(c.nodes.proxies[:]...), change) }
	way := func(change func(*proxy)) { each(c.nodes.proxies[e.node], change) }
	switch e.mishap {
	case mishapPubSub:
		if c.services.redis.tell(ctx, "CLIENT", "KILL", "TYPE", "pubsub") != nil {
			// The built-in Redis does not know how, or it is just stopping.
			all((*proxy).cutSubscribed)
		}
		return nil
	case mishapSwallow:
		all(func(p *proxy) { p.set(func() { p.swallows = true }) })
		defer all(func(p *proxy) { p.set(func() { p.swallows = false }) })
		return until()
	case mishapLate:
		all(func(p *proxy) { p.set(func() { p.isLate = true }) })
		defer all(func(p *proxy) { p.set(func() { p.isLate = false }) })
		return until()
	case mishapStall:
		way((*proxy).stall)
		defer way((*proxy).flow)
		return until()
	case mishapCut:
		way((*proxy).cut)
		defer way((*proxy).mend)
		return until()
	case mishapKill:
		c.nodes.kill(e.node)
		if err := until(); err != nil {
			return err
		}
		// Whoever supervises a node starts it again if it does not come up: PostgreSQL may be cutting it off.
		var err error
		for range tries {
			if err = c.nodes.start(ctx, e.node); err == nil || ctx.Err() != nil {
				return err
			}
		}
		return err
	case mishapFlush:
		return c.services.redis.tell(ctx, "FLUSHALL")
	case mishapSlot:
		if r, ok := c.services.redis.(*cluster); ok {
			return r.move(ctx, int(c.random(200_000+number).Int64N(live.Partitions)))
		}
		return nil
	case mishapPostgres:
		return cutOff(ctx, c.db)
	case mishapReader:
		c.neglect(watch, number, e.lasts)
		return nil
	case mishapRedis:
		if err := c.services.redis.stop(); err != nil {
			return err
		}
		if err := until(); err != nil {
			return err
		}
		return c.services.redis.start(ctx)
	}
	return fmt.Errorf("nobody knows how to bring about %s", e.mishap)
}

func each(proxies []*proxy, change func(*proxy)) {
	for _, p := range proxies {
		change(p)
	}
}

// neglect has somebody open one more socket, on the conversation where most happens, and stop reading it.
func (c *chaos) neglect(ctx context.Context, number uint64, pause time.Duration) {
	in := c.town.largest()
	random := c.random(100_000 + number)
	f := follow(in.members[random.IntN(len(in.members))], in)
	c.mu.Lock()
	c.followers = append(c.followers, f)
	c.mu.Unlock()
	cl := &client{crowd: c.crowd, who: f.who, follow: []subscription{f}, random: random}
	c.watching.Go(func() { cl.stopReading(ctx, pause) })
}
