package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/convenehq/convene/internal/rehearsal"
)

func (c *chaos) snapshots() []snapshot {
	c.mu.Lock()
	followers := slices.Clone(c.followers)
	c.mu.Unlock()
	all := make([]snapshot, len(followers))
	for i, f := range followers {
		all[i] = f.snapshot()
	}
	return all
}

// progress says how things stand at the end of a phase.
func (c *chaos) progress(ctx context.Context, i int, out io.Writer) error {
	snapshots := c.snapshots()
	t, err := readTruth(ctx, c.db)
	if err != nil {
		return err
	}
	var found finding
	for _, s := range snapshots {
		found.compare(s, t)
	}
	d := c.delaysOf(snapshots, t)[i]
	_, err = fmt.Fprintf(out, "%-28s %5.0f s: %6d mutations, %7d deliveries, gaps %d, doubles %d, disorder %d, false resyncs %d; p50 %s, p99 %s\n",
		c.schedule.phases[i].name, time.Since(c.began).Seconds(), c.ledger.acknowledged(), found.deliveries,
		found.gaps, found.doubled, found.disordered, found.falseResyncs,
		rehearsal.Milliseconds(percentile(d, 0.5)), rehearsal.Milliseconds(percentile(d, 0.99)))
	return err
}

// delaysOf are the delays of each phase; what came after the last belongs to it.
func (c *chaos) delaysOf(snapshots []snapshot, t *truth) [][]time.Duration {
	all := make([][]time.Duration, len(c.schedule.phases))
	for _, s := range snapshots {
		for _, d := range s.delays(t) {
			at := d.from.Sub(c.began)
			i := slices.IndexFunc(c.schedule.phases, func(p phase) bool { return at < p.until })
			if i < 0 {
				i = len(all) - 1
			}
			all[i] = append(all[i], d.took)
		}
	}
	return all
}

// withoutRedis are the delays of deliveries whose nodes could not reach Redis then, with are the others.
func (c *chaos) withoutRedis(snapshots []snapshot, t *truth) (without, with []time.Duration) {
	for _, s := range snapshots {
		for _, d := range s.delays(t) {
			at := d.from.Sub(c.began)
			isAway := slices.ContainsFunc(c.schedule.strikes, func(e strike) bool {
				return e.mishap == mishapRedis && at >= e.at && at < e.at+e.lasts
			})
			if isAway {
				without = append(without, d.took)
			} else {
				with = append(with, d.took)
			}
		}
	}
	return without, with
}

// percentile is the value that the given share of all values does not exceed; the values get sorted.
func percentile(values []time.Duration, of float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[max(0, int(math.Ceil(of*float64(len(values))))-1)]
}

// await waits until every follower is at the end and every app shows what a fresh query answers, or until
// that takes too long. It answers how many conversations apps still show otherwise.
func (c *chaos) await(ctx context.Context) (differences int, examples []string) {
	behind := func() bool {
		t, err := readTruth(ctx, c.db)
		return err != nil || slices.ContainsFunc(c.snapshots(), func(s snapshot) bool { return s.position < t.last(s.who.id, s.what) })
	}
	end := time.Now().Add(patience)
	for behind() && time.Now().Before(end) && rehearsal.Wait(ctx, 200*time.Millisecond) == nil {
		continue
	}
	differing := c.apps
	for len(differing) > 0 {
		differences, examples = 0, nil
		var still []*app
		for _, a := range differing {
			list, err := inbox(ctx, c.crowd.fleet, a.who)
			d := []string{fmt.Sprint(err)}
			if err == nil {
				d = a.differs(list)
			}
			if len(d) > 0 {
				still = append(still, a)
				differences += len(d)
				examples = append(examples, a.who.profile+" "+d[0])
			}
		}
		differing = still
		if time.Now().After(end) || len(still) > 0 && rehearsal.Wait(ctx, 200*time.Millisecond) != nil {
			break
		}
	}
	return differences, examples[:min(3, len(examples))]
}

// report holds everything to the truth.
func (c *chaos) report(t *truth, proxies []*proxy, differences int, notes []string) *rehearsal.Report {
	r := &rehearsal.Report{Name: fmt.Sprintf("Chaos of %s with %d clients on %d nodes, seed %d", c.duration, c.clients, nodeCount, c.seed)}
	snapshots := c.snapshots()
	var found finding
	unfinished := 0
	for _, s := range snapshots {
		found.compare(s, t)
		if last := t.last(s.who.id, s.what); s.position < last {
			unfinished++
			found.example("%s is at %d of %s, whose last is %d", s.who.profile, s.position, s.what.globalID, last)
		}
	}
	settled := c.ledger.settleUp(t)
	feedUpdates, feedDisorder, stale, feedResyncs := 0, 0, 0, 0
	for _, a := range c.apps {
		feedUpdates, feedDisorder, stale = feedUpdates+a.updates, feedDisorder+a.disordered, stale+a.stale
		feedResyncs += len(a.resyncs)
	}
	swallowed, delayed, passed := 0, 0, 0
	for _, p := range proxies {
		swallowed, delayed, passed = swallowed+p.swallowed, delayed+p.delayed, passed+p.passed
	}
	l := c.ledger
	r.Note("mutations acknowledged", "%d, %d of them by a retry; %d refused for a block", l.acked, l.retried, l.refused)
	r.Note("longest until a mutation was acknowledged", "%s", rehearsal.Milliseconds(l.longest))
	r.Never("mutations that failed after retries", len(l.failed))
	r.Never("acknowledged mutations that are lost", settled.lost)
	r.Never("mutations that were done twice", settled.doubled)
	r.Note("conversations followed, updates delivered", "%d, %d", len(snapshots), found.deliveries)
	r.Note("connections that came back", "%d", c.crowd.reconnects.Load())
	r.Note("clients that stopped reading, cut off by a node", "%d, %d", c.crowd.stopped.Load(), c.crowd.closed.Load())
	r.Note("published messages at the nodes: all, swallowed, late", "%d, %d, %d", passed, swallowed, delayed)
	r.Never("gaps", found.gaps)
	r.Never("duplicates", found.doubled)
	r.Never("reorderings", found.disordered)
	r.Never("delivered though not to be seen", found.unseen)
	r.Never("not what the cursor says", found.wrong+len(c.crowd.unread))
	r.Note("resyncs, justified", "%d", found.resyncs-found.falseResyncs)
	r.Never("resyncs, false", found.falseResyncs+feedResyncs)
	r.Never("followers that were not at the end in time", unfinished)
	r.Note("feeds followed, updates delivered", "%d, %d", len(c.apps), feedUpdates)
	r.Never("feed updates out of order, or twice", feedDisorder)
	r.Never("feed updates with an older state than before", stale)
	r.Never("conversations shown otherwise than a fresh query does", differences)
	for i, d := range c.delaysOf(snapshots, t) {
		r.Note("delay, "+c.schedule.phases[i].name, "%s", spread(d))
	}
	without, with := c.withoutRedis(snapshots, t)
	r.Note("delay with Redis", "%s", spread(with))
	if len(without) > 0 {
		r.Note("delay while Redis was stopped", "%s", spread(without))
	}
	for _, err := range l.failed[:min(3, len(l.failed))] {
		r.Note("  failed, such as", "%v", err)
	}
	for _, err := range c.crowd.unread[:min(3, len(c.crowd.unread))] {
		r.Note("  unreadable, such as", "%v", err)
	}
	for _, example := range slices.Concat(found.examples, settled.examples, notes[:min(6, len(notes))]) {
		r.Note("  such as", "%s", example)
	}
	return r
}

func spread(d []time.Duration) string {
	return fmt.Sprintf("p50 %s, p99 %s, worst %s",
		rehearsal.Milliseconds(percentile(d, 0.5)), rehearsal.Milliseconds(percentile(d, 0.99)), rehearsal.Milliseconds(percentile(d, 1)))
}
