package presence_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/presence"
	"github.com/convenehq/convene/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// People of the tests, by name.
var ada, bob, cy = uuid.UUID{1}, uuid.UUID{2}, uuid.UUID{3}

var names = map[uuid.UUID]string{ada: "ada", bob: "bob", cy: "cy"}

// A node is a tracker and what it has told, such as "+ada" and "-bob".
type node struct {
	*presence.Tracker

	mu    sync.Mutex
	told  []string
	fails bool
}

func newNode(t *testing.T, o presence.Options) *node {
	t.Helper()
	n := &node{Tracker: presence.New(o)}
	n.Tell(func(_ context.Context, changes map[uuid.UUID]bool) error {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.fails {
			return errors.New("nobody listens")
		}
		for _, account := range slices.SortedFunc(maps.Keys(changes), func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) }) {
			n.told = append(n.told, map[bool]string{true: "+", false: "-"}[changes[account]]+names[account])
		}
		return nil
	})
	n.Start(t.Context())
	t.Cleanup(n.Close)
	return n
}

func (n *node) fail(fails bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fails = fails
}

// has is what the node has told, in a line, and who of the three it says is online.
func (n *node) has() string {
	n.mu.Lock()
	told := strings.Join(n.told, " ")
	n.mu.Unlock()
	online, known := n.Online(ada, bob, cy)
	if !known {
		return told + " | unknown"
	}
	var there []string
	for _, who := range []uuid.UUID{ada, bob, cy} {
		if online[who] {
			there = append(there, names[who])
		}
	}
	return told + " | " + strings.Join(there, " ")
}

func (n *node) want(t *testing.T, want string) {
	t.Helper()
	eventually(t, want, n.has)
}

// sees wants those to be online in the end, whatever has been told.
func (n *node) sees(t *testing.T, want string) {
	t.Helper()
	eventually(t, want, func() string {
		_, there, _ := strings.Cut(n.has(), " | ")
		return there
	})
}

// eventually polls until it is as wanted.
func eventually(t *testing.T, want string, is func() string) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); ; {
		got := is()
		if got == want {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("got %q, want %q", got, want)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// inTime runs a test of a node alone in a bubble, where minutes pass at once.
func inTime(t *testing.T, name string, test func(t *testing.T, n *node)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			n := newNode(t, presence.Options{})
			test(t, n)
			n.Close()
		})
	})
}

// after wants it so when some time has passed.
func (n *node) after(t *testing.T, d time.Duration, want string) {
	t.Helper()
	<-time.After(d) // by the bubble's clock
	synctest.Wait()
	if got := n.has(); got != want {
		t.Fatalf("after %v: got %q, want %q", d, got, want)
	}
}

func TestANodeAlone(t *testing.T) {
	t.Parallel()
	inTime(t, "who comes is told within a second, and who goes half a minute later", func(t *testing.T, n *node) {
		leave := n.Enter(ada)
		n.after(t, 1100*time.Millisecond, "+ada | ada")
		leave()
		leave() // once more means nothing
		n.after(t, 29*time.Second, "+ada | ada")
		n.after(t, 2*time.Second, "+ada -ada | ")
	})
	inTime(t, "who comes back within the grace has never gone", func(t *testing.T, n *node) {
		for range 10 {
			leave := n.Enter(ada)
			n.after(t, 5*time.Second, "+ada | ada")
			leave()
			n.after(t, 20*time.Second, "+ada | ada")
		}
		n.after(t, 12*time.Second, "+ada -ada | ")
	})
	inTime(t, "of several connections the last one counts", func(t *testing.T, n *node) {
		phone, laptop := n.Enter(ada), n.Enter(ada)
		n.after(t, 2*time.Second, "+ada | ada")
		phone()
		n.after(t, time.Minute, "+ada | ada")
		laptop()
		n.after(t, 32*time.Second, "+ada -ada | ")
	})
	inTime(t, "what could not be told is told when it can, as it is then", func(t *testing.T, n *node) {
		n.fail(true)
		n.Enter(ada)
		leave := n.Enter(bob)
		n.after(t, 5*time.Second, " | ada bob")
		leave()
		n.after(t, time.Minute, " | ada")
		n.fail(false)
		n.after(t, 2*time.Second, "+ada | ada")
	})
	inTime(t, "a crowd that comes and goes leaves nothing behind", func(t *testing.T, n *node) {
		var leave []func()
		for i := range 10_000 {
			leave = append(leave, n.Enter(uuid.UUID{15: byte(i), 14: byte(i >> 8), 0: 9}))
		}
		<-time.After(2 * time.Second) // by the bubble's clock
		for _, leave := range leave {
			leave()
		}
		<-time.After(32 * time.Second) // by the bubble's clock
		if got := presence.Kept(n.Tracker); got != 0 {
			t.Errorf("%d things are kept", got)
		}
	})
}

// fast is quick enough to wait for. Each test has keys of its own.
func fast(t *testing.T, url string) presence.Options {
	t.Helper()
	return presence.Options{
		Redis: client(t, url), Tick: 20 * time.Millisecond, Beat: 100 * time.Millisecond, Grace: 800 * time.Millisecond,
		Prefix: fmt.Sprintf("convene:presence:%s:", uuid.New()),
	}
}
