package presence_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/presence"
	"github.com/convenehq/convene/internal/testkit"
)

func client(t *testing.T, url string) live.Redis {
	t.Helper()
	c, err := live.OpenRedis(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestNodes(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(t *testing.T) string{
		"with Redis":            func(t *testing.T) string { t.Helper(); return testkit.RedisURL(t) },
		"with a cluster":        func(t *testing.T) string { t.Helper(); return testkit.Cluster(t).URL() },
		"with the built-in one": func(t *testing.T) string { t.Helper(); return "redis://" + miniredis.RunT(t).Addr() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := url(t)
			t.Run("what one learns the others learn", func(t *testing.T) {
				t.Parallel()
				o := fast(t, url)
				a, b := ready(t, o), ready(t, o)
				leave := a.Enter(ada)
				b.want(t, "+ada | ada")
				leave()
				b.want(t, "+ada -ada | ")
				a.want(t, "+ada -ada | ")
			})
			t.Run("who is with two nodes and leaves one is still online", func(t *testing.T) {
				t.Parallel()
				o := fast(t, url)
				a, b, watcher := ready(t, o), ready(t, o), ready(t, o)
				leave := a.Enter(ada)
				watcher.want(t, "+ada | ada")
				b.Enter(ada)
				leave()
				a.letsGo(t, ada)
				a.Enter(bob)
				for _, n := range []*node{a, b, watcher} {
					n.want(t, "+ada +bob | ada bob")
				}
			})
			t.Run("a node that dies is noticed by its silence", func(t *testing.T) {
				t.Parallel()
				o := fast(t, url)
				a, b := ready(t, o), ready(t, o)
				a.Enter(ada)
				b.want(t, "+ada | ada")
				a.Enter(bob)
				b.Enter(bob)
				b.want(t, "+ada +bob | ada bob")
				a.Close() // says nothing: all that others see of a kill
				died := time.Now()
				b.want(t, "+ada +bob -ada | bob")
				if took := time.Since(died); took < o.Grace/2 {
					t.Errorf("Ada had %v to come back", took)
				}
			})
			t.Run("a node that begins knows who was online before, which is no news", func(t *testing.T) {
				t.Parallel()
				o := fast(t, url)
				a, before := ready(t, o), ready(t, o)
				a.Enter(ada)
				before.want(t, "+ada | ada")
				b := newNode(t, o)
				b.want(t, " | ada")
				a.Enter(bob)
				b.want(t, "+bob | ada bob")
			})
			t.Run("a crowd is told of by a word, and read once", func(t *testing.T) {
				t.Parallel()
				o := fast(t, url)
				a, b := ready(t, o), ready(t, o)
				var leave []func()
				for i := range 5000 {
					leave = append(leave, a.Enter(uuid.UUID{15: byte(i), 14: byte(i >> 8), 0: 9}))
				}
				leave = append(leave, a.Enter(ada))
				eventually(t, "5001", func() string { return online(b) })
				for _, l := range leave {
					l()
				}
				eventually(t, "0", func() string { return online(b) })
			})
		})
	}
}

// online is how many of the crowd and Ada are, as a node says.
func online(n *node) string {
	all := []uuid.UUID{ada}
	for i := range 5000 {
		all = append(all, uuid.UUID{15: byte(i), 14: byte(i >> 8), 0: 9})
	}
	there, _ := n.Online(all...)
	return strconv.Itoa(len(there))
}

// ready is a node that knows who is online: nobody, or it would be no news.
func ready(t *testing.T, o presence.Options) *node {
	t.Helper()
	n := newNode(t, o)
	n.want(t, " | ")
	return n
}

// letsGo waits until somebody has left a node alone.
func (n *node) letsGo(t *testing.T, account uuid.UUID) {
	t.Helper()
	eventually(t, "false", func() string { return strconv.FormatBool(presence.IsHere(n.Tracker, account)) })
}

func TestRedisAway(t *testing.T) {
	t.Parallel()
	t.Run("nobody can tell, also from the start, and nothing wrong is told before or after", func(t *testing.T) {
		t.Parallel()
		server := miniredis.NewMiniRedis()
		if err := server.StartAddr("127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Close)
		o := fast(t, "redis://"+server.Addr())
		a, b := ready(t, o), ready(t, o)
		leave := a.Enter(ada)
		b.want(t, "+ada | ada")
		b.Enter(bob)
		for _, n := range []*node{a, b} {
			n.want(t, "+ada +bob | ada bob")
		}
		server.Close()
		for _, n := range []*node{a, b} {
			n.want(t, "+ada +bob | unknown")
		}
		late := newNode(t, o)
		leave()
		a.letsGo(t, ada) // later than anything that Redis had
		late.want(t, " | unknown")
		server.FlushAll()
		if err := server.Restart(); err != nil {
			t.Fatal(err)
		}
		for _, n := range []*node{a, b} {
			n.want(t, "+ada +bob -ada | bob")
		}
		late.sees(t, "bob")
	})
	t.Run("an emptied Redis is filled again, and nobody is said to have gone", func(t *testing.T) {
		t.Parallel()
		server := miniredis.RunT(t)
		o := fast(t, "redis://"+server.Addr())
		a, b := ready(t, o), ready(t, o)
		a.Enter(ada)
		b.want(t, "+ada | ada")
		server.FlushAll()
		late := newNode(t, o)
		late.sees(t, "ada")
		a.Enter(bob)
		for _, n := range []*node{a, b} {
			n.want(t, "+ada +bob | ada bob")
		}
	})
	t.Run("a set that is lost says nothing of its people", func(t *testing.T) {
		t.Parallel()
		server := miniredis.RunT(t)
		o := fast(t, "redis://"+server.Addr())
		o.Grace = time.Hour
		a, b, c := ready(t, o), ready(t, o), ready(t, o)
		a.Enter(ada)
		b.want(t, "+ada | ada")
		entries, err := server.Stream(o.Prefix + "changes")
		if err != nil {
			t.Fatal(err)
		}
		a.Close()
		for _, key := range server.Keys() {
			if strings.Contains(key, ":people:") {
				server.Del(key)
			}
		}
		// As if it had said so just before.
		for _, entry := range entries {
			if slices.Contains(entry.Values, string(ada[:])) {
				if _, err := server.XAdd(o.Prefix+"changes", "*", append(slices.Clone(entry.Values), "all", "1")); err != nil {
					t.Fatal(err)
				}
			}
		}
		c.Enter(bob)
		b.want(t, "+ada +bob | ada bob")
	})
}
