package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/metrics"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/token"
)

const (
	// crowdAtOnce is how many sign in at the same moment.
	crowdAtOnce = 50
	// guesses is how many wrong passwords are timed of each kind of name, in a round.
	guesses = 40
	// askers is how many connections ask for inboxes meanwhile.
	askers = 4
)

func measureAccounts(ctx context.Context, b *bench) (rows []row, err error) {
	n, err := b.house.open(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, n.close()) }()
	people, _, err := fillInboxes(ctx, b.house, n)
	if err != nil {
		return nil, err
	}
	for _, measure := range []func(context.Context, *bench, *node, []person) ([]row, error){measureVerifying, measureGuessing, measureRush} {
		some, err := measure(ctx, b, n, people)
		if err != nil {
			return rows, err
		}
		rows = append(rows, some...)
	}
	return rows, nil
}

// measureVerifying measures what each request pays to say whose it is.
func measureVerifying(ctx context.Context, b *bench, n *node, people []person) ([]row, error) {
	rows := []row{
		{what: "an access token that came before: verified, its session known", unit: "µs", goal: below(150, "µs")},
		{what: "one that comes for the first time: verified", unit: "µs", goal: below(150, "µs")},
	}
	for range rounds {
		count, began, most := 0, time.Now(), b.during(time.Second)
		for ; time.Since(began) < most; count++ {
			if _, _, err := n.accounts.Authenticate(ctx, people[count%len(people)].token); err != nil {
				return nil, fmt.Errorf("verify a token: %w", err)
			}
		}
		rows[0].values = append(rows[0].values, microseconds(time.Since(began))/float64(count))
		access := token.NewAccess(b.house.ring, "convene", time.Now) // which remembers none yet
		fresh := make([]string, int(b.during(4000)))
		for i := range fresh {
			var err error
			if fresh[i], _, err = access.Sign(uuid.New(), uuid.New(), time.Now().Add(time.Hour)); err != nil {
				return nil, fmt.Errorf("sign a token: %w", err)
			}
		}
		began = time.Now()
		for _, text := range fresh {
			if _, err := access.Verify(text); err != nil {
				return nil, fmt.Errorf("verify a token: %w", err)
			}
		}
		rows[1].values = append(rows[1].values, microseconds(time.Since(began))/float64(len(fresh)))
	}
	return rows, nil
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// measureGuessing times what is refused, for names that are somebody's and names that are nobody's, in turns.
func measureGuessing(ctx context.Context, b *bench, n *node, _ []person) ([]row, error) {
	kinds := []struct {
		what, login string
		do          func(login string) error
	}{
		{"signIn, wrong password: a username that somebody has", "bench0", n.guess(ctx)},
		{"the same: one that nobody has", "nobody0", n.guess(ctx)},
		{"the same: an address that somebody has", "bench0@bench.invalid", n.guess(ctx)},
		{"the same: one that nobody has", "nobody0@bench.invalid", n.guess(ctx)},
	}
	rows := make([]row, len(kinds))
	for i, k := range kinds {
		rows[i] = row{what: k.what, unit: "ms"}
	}
	for range rounds {
		took := make([][]time.Duration, len(kinds))
		for turn := range int(b.during(guesses)) {
			for step := range kinds {
				i := (turn + step) % len(kinds) // none comes first always
				began := time.Now()
				if err := kinds[i].do(kinds[i].login); err != nil {
					return nil, err
				}
				took[i] = append(took[i], time.Since(began))
			}
		}
		for i := range kinds {
			rows[i].values = append(rows[i].values, milliseconds(percentile(took[i], 0.5)))
		}
	}
	for i := range rows {
		first := median(rows[i/2*2].values)
		if i%2 == 1 && first > 0 {
			rows[i].beside = fmt.Sprintf("%.2f of the one above", median(rows[i].values)/first)
		}
	}
	return rows, nil
}

// guess signs in with a password that is nobody's, and wants to be refused.
func (n *node) guess(ctx context.Context) func(login string) error {
	return func(login string) error {
		_, err := n.accounts.SignIn(ctx, account.SignInInput{Login: login, Password: "not the right one"})
		if refusals, err := fault.Split[*account.AccountUserError](err); err != nil || len(refusals) != 1 {
			return fmt.Errorf("guess a password: %d refusals, %w", len(refusals), err)
		}
		return nil
	}
}

// measureRush has a crowd sign in again and again while others ask for their inboxes.
func measureRush(ctx context.Context, b *bench, n *node, people []person) ([]row, error) {
	memory := row{what: fmt.Sprintf("%d who sign in at once: memory", crowdAtOnce), unit: "MB", goal: below(300, "MB")}
	latency := row{what: "the same: p99 of inboxes meanwhile", unit: "ms", goal: below(100, "ms")}
	whole := row{what: "the same: until all are in", unit: "ms"}
	for range rounds {
		work, group := errgroup.WithContext(ctx)
		most := b.during(4 * time.Second)
		began := time.Now()
		var others loaded
		work.Go(func() (err error) {
			others, err = load(group, n, people, askers, most)
			return err
		})
		peak, crowds := uint64(0), 0
		watched := make(chan struct{})
		go func() {
			defer close(watched)
			for time.Since(began) < most && group.Err() == nil {
				peak = max(peak, inUse())
				_ = wait(group, time.Millisecond)
			}
		}()
		for ; time.Since(began) < most && group.Err() == nil; crowds++ {
			if err := rush(group, n); err != nil {
				return nil, errors.Join(err, work.Wait())
			}
		}
		took := time.Since(began)
		<-watched
		if err := work.Wait(); err != nil {
			return nil, err
		}
		memory.values = append(memory.values, float64(peak)/1e6)
		latency.values = append(latency.values, milliseconds(percentile(others.latencies, 0.99)))
		whole.values = append(whole.values, milliseconds(took)/float64(max(1, crowds)))
	}
	return []row{memory, latency, whole}, nil
}

func rush(ctx context.Context, n *node) error {
	var crowd errgroup.Group
	for i := range crowdAtOnce {
		crowd.Go(func() error {
			_, err := n.accounts.SignIn(ctx, account.SignInInput{Login: fmt.Sprintf("bench%d", i%neighbours), Password: "nothing depends on it"})
			return err
		})
	}
	return crowd.Wait()
}

// inUse is the memory that holds objects, or held some until just now.
func inUse() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64() + sample[1].Value.Uint64()
}
