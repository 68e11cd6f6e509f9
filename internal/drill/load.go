package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/convenehq/convene/internal/rehearsal"
)

// pace is how often each writer sends and each reader reads.
const pace = 40 * time.Millisecond

// A load is people who write, read and watch, steadily and all the time.
type load struct {
	fleet     *rehearsal.Fleet
	pairs     []pair
	followers []*follower
	stopped   context.CancelFunc
	busy      sync.WaitGroup
	watching  sync.WaitGroup
	leave     context.CancelFunc

	mu          sync.Mutex
	acked       []ack
	retried     int
	failed      []error
	longest     time.Duration
	reads       int
	readsFailed int
}

// An ack is a message that was acknowledged.
type ack struct {
	pair int
	key  string
	seq  int64
	at   time.Time
}

// begin makes the people and lets them go: in each conversation one writes, one reads the inbox, and both
// watch.
func begin(ctx context.Context, f *rehearsal.Fleet, writers int) (*load, error) {
	l := &load{fleet: f}
	for i := range writers {
		p, err := befriend(ctx, f, i)
		if err != nil {
			return nil, err
		}
		l.pairs = append(l.pairs, p)
		for _, token := range p.tokens {
			l.followers = append(l.followers, &follower{fleet: f, token: token, conversation: p.conversation, cursor: p.cursor})
		}
	}
	var watch, work context.Context
	watch, l.leave = context.WithCancel(ctx)
	work, l.stopped = context.WithCancel(ctx)
	for _, f := range l.followers {
		l.watching.Go(func() { f.follow(watch) })
	}
	for i := range l.pairs {
		l.busy.Go(func() { l.write(ctx, work, i) })
		l.busy.Go(func() { l.read(ctx, work, i) })
	}
	return l, nil
}

// write sends one message after the other until work ends; what is under way then is finished.
func (l *load) write(ctx, work context.Context, i int) {
	for n := 0; work.Err() == nil; n++ {
		key := fmt.Sprintf("message %d of writer %d", n, i)
		began := time.Now()
		seq, retried, err := send(ctx, l.fleet, l.pairs[i], n%2, key)
		took := time.Since(began)
		l.mu.Lock()
		if retried {
			l.retried++
		}
		if err != nil {
			l.failed = append(l.failed, err)
		} else {
			l.acked = append(l.acked, ack{i, key, seq, time.Now()})
			l.longest = max(l.longest, took)
		}
		l.mu.Unlock()
		_ = rehearsal.Wait(work, pace)
	}
}

func (l *load) read(ctx, work context.Context, i int) {
	for work.Err() == nil {
		err := inbox(ctx, l.fleet, l.pairs[i].tokens[1])
		l.mu.Lock()
		l.reads++
		if err != nil {
			l.readsFailed++
		}
		l.mu.Unlock()
		_ = rehearsal.Wait(work, pace)
	}
}

// acknowledged is what was acknowledged so far.
func (l *load) acknowledged() []ack {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]ack(nil), l.acked...)
}

// pause stops the writers and readers, and lets the followers watch on.
func (l *load) pause() {
	l.stopped()
	l.busy.Wait()
}

// end stops everything.
func (l *load) end() {
	l.pause()
	l.leave()
	l.watching.Wait()
}
