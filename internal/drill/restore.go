package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/convenehq/convene/internal/embedded"
	"github.com/convenehq/convene/internal/rehearsal"
	"github.com/convenehq/convene/internal/token"
)

// later is how many messages follow the backup, which the restored database does not have.
const later = 200

// restore backs a database up while people write, has them write on, loses the database, and brings it
// back twice: into a new database, and as data alone into the old one.
func restore(ctx context.Context, d *drill, program string) (_ *rehearsal.Report, err error) {
	services, err := embedded.Start(ctx, embedded.Options{NeedPG: true, NeedRedis: true, Throwaway: true, Log: d.say})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, services.Close()) }()
	shared := []string{"REDIS_URL=" + services.RedisURL, "CONVENE_KEYS=" + token.NewKey()}
	pg := tools{services.PGBin}
	file := filepath.Join(d.folder, "convene.dump")
	r := &rehearsal.Report{Name: "Restore of a backup that was made while people wrote"}

	f := rehearsal.NewFleet()
	defer func() { err = errors.Join(err, f.StopAll()) }()
	if err := open(ctx, f, program, append(shared, "DATABASE_URL="+services.DatabaseURL)); err != nil {
		return nil, err
	}
	l, err := begin(ctx, f, d.writers)
	if err != nil {
		return nil, err
	}
	defer l.end()
	if err := rehearsal.Wait(ctx, d.phase); err != nil {
		return nil, err
	}
	d.say("backing up while %d people write and watch", 2*d.writers)
	before, began := l.acknowledged(), time.Now()
	if err := pg.backup(ctx, services.DatabaseURL, file); err != nil {
		return nil, err
	}
	during, took := l.acknowledged(), time.Since(began)
	for len(l.acknowledged()) < len(during)+later {
		if err := rehearsal.Wait(ctx, pace); err != nil {
			return nil, err
		}
	}
	l.end()
	size, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("look at the backup: %w", err)
	}
	r.Note("acknowledged before the backup, during it, after it", "%d, %d, %d",
		len(before), len(during)-len(before), len(l.acknowledged())-len(during))
	r.Note("the backup", "%d KiB, taken in %s", size.Size()>>10, rehearsal.Milliseconds(took))
	if err := f.StopAll(); err != nil {
		return nil, err
	}

	d.say("restoring into a new database")
	began = time.Now()
	restored, err := pg.restoreInto(ctx, services.DatabaseURL, file, "restored")
	if err != nil {
		return nil, err
	}
	r.Note("restored into a new database in", "%s", rehearsal.Milliseconds(time.Since(began)))
	if err := l.resume(ctx, r, program, append(shared, "DATABASE_URL="+restored), before); err != nil {
		return nil, err
	}

	d.say("restoring data alone into the old one")
	if err := pg.restoreData(ctx, services.DatabaseURL, file); err != nil {
		return nil, err
	}
	if _, err := rehearsal.Command(ctx, program, services.DatabaseURL, "admin", "new-epoch"); err != nil {
		return nil, err
	}
	r.Note("restored data alone, then", "convene admin new-epoch")
	return r, l.resume(ctx, r, program, append(shared, "DATABASE_URL="+services.DatabaseURL), before)
}

// open starts two nodes and puts them behind the balancer.
func open(ctx context.Context, f *rehearsal.Fleet, program string, settings []string) error {
	for i := range 2 {
		n, err := rehearsal.Start(ctx, fmt.Sprintf("node %d", i+1), program, settings...)
		if err != nil {
			return err
		}
		f.Add(n)
	}
	return nil
}

// resume starts nodes on a restored database and has every client come back with the cursor that it had
// when the old one was lost. Each has to be told to fetch anew before anything else, and to be live then.
func (l *load) resume(ctx context.Context, r *rehearsal.Report, program string, settings []string, before []ack) (err error) {
	if err := open(ctx, l.fleet, program, settings); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.fleet.StopAll()) }()
	histories := make([][]message, len(l.pairs))
	for i, p := range l.pairs {
		if histories[i], err = history(ctx, l.fleet, p); err != nil {
			return err
		}
	}
	lost, doubled := compare(before, histories)
	r.All("  acknowledged before the backup, and there", len(before)-lost, len(before))
	r.Never("  messages that are there twice", doubled)

	following, leave := context.WithCancel(ctx)
	defer leave()
	var back []*follower
	for _, f := range l.followers {
		again := &follower{fleet: l.fleet, token: f.token, conversation: f.conversation, cursor: f.position()}
		back = append(back, again)
		go again.follow(following)
	}
	told := 0
	for _, f := range back {
		if slices.Equal(f.await(ctx, 1), []string{"EPOCH_CHANGED"}) {
			told++
		}
	}
	r.All("  clients told EPOCH_CHANGED before anything else", told, len(back))
	for _, p := range l.pairs {
		if _, _, err := send(ctx, l.fleet, p, 0, fmt.Sprintf("after the restore, %d", time.Now().UnixNano())); err != nil {
			return err
		}
	}
	live := 0
	for _, f := range back {
		if slices.Equal(f.await(ctx, 2), []string{"EPOCH_CHANGED", "MessageSent"}) {
			live++
		}
	}
	r.All("  clients that are live again", live, len(back))
	r.Never("  clients silently behind", len(back)-told)
	return nil
}

// await waits until so much has come, or until that takes too long.
func (f *follower) await(ctx context.Context, count int) []string {
	for end := time.Now().Add(patience); len(f.heard()) < count && time.Now().Before(end); {
		if rehearsal.Wait(ctx, 20*time.Millisecond) != nil {
			break
		}
	}
	return f.heard()
}
