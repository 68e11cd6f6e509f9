package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/convenehq/convene/internal/embedded"
	"github.com/convenehq/convene/internal/rehearsal"
	"github.com/convenehq/convene/internal/token"
)

// upgrade replaces two nodes of one program by two of another, one by one and under load. The first of the
// new ones migrates the database while both old ones serve.
func upgrade(ctx context.Context, d *drill, before, after string) (_ *rehearsal.Report, err error) {
	services, err := embedded.Start(ctx, embedded.Options{NeedPG: true, NeedRedis: true, Throwaway: true, Log: d.say})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, services.Close()) }()
	shared := []string{"DATABASE_URL=" + services.DatabaseURL, "REDIS_URL=" + services.RedisURL, "CONVENE_KEYS=" + token.NewKey()}
	f := rehearsal.NewFleet()
	defer func() { err = errors.Join(err, f.StopAll()) }()
	watching, stop := context.WithCancel(ctx)
	defer stop()
	go f.Watch(watching)

	var old []*rehearsal.Node
	for i := range 2 {
		n, err := rehearsal.Start(ctx, fmt.Sprintf("old node %d", i+1), before, shared...)
		if err != nil {
			return nil, err
		}
		f.Add(n)
		old = append(old, n)
	}
	r := &rehearsal.Report{Name: "Upgrade of two nodes under load"}
	state, err := rehearsal.Command(ctx, after, services.DatabaseURL, "migrate", "status")
	if err != nil {
		return nil, err
	}
	d.say("%s", state)
	r.Note("before", "%s", state)
	l, err := begin(ctx, f, d.writers)
	if err != nil {
		return nil, err
	}
	defer l.end()
	d.say("%d people write, read and watch", 2*d.writers)
	if err := rehearsal.Wait(ctx, d.phase); err != nil {
		return nil, err
	}
	for i, leaving := range old {
		began := time.Now()
		n, err := rehearsal.Start(ctx, fmt.Sprintf("new node %d", i+1), after, shared...)
		if err != nil {
			return nil, err
		}
		f.Add(n)
		r.Note(fmt.Sprintf("new node %d: ready after", i+1), "%s", rehearsal.Milliseconds(time.Since(began)))
		d.say("%s is ready beside the old ones", n.Name)
		if err := rehearsal.Wait(ctx, d.phase); err != nil {
			return nil, err
		}
		drain, err := leaving.Stop()
		if err != nil {
			return nil, err
		}
		r.Within(fmt.Sprintf("old node %d: stopped after", i+1), drain, 15*time.Second)
		d.say("%s has stopped", leaving.Name)
		if err := rehearsal.Wait(ctx, d.phase); err != nil {
			return nil, err
		}
	}
	l.pause()
	if state, err = rehearsal.Command(ctx, after, services.DatabaseURL, "migrate", "status"); err != nil {
		return nil, err
	}
	r.Note("after", "%s", state)
	return r, l.report(ctx, r)
}
