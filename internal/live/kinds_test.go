package live_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/testkit"
)

// A backing is a kind of Redis that may stand behind the nodes; what one can not do is nil.
type backing struct {
	url         string // empty for none
	stop, start func(t testing.TB)
	// cut ends all connections that receive, empty removes everything.
	cut, empty func() error
}

// backings are all kinds of Redis.
var backings = map[string]func(t testing.TB) backing{
	"none": func(testing.TB) backing { return backing{} },
	"plain": func(t testing.TB) backing {
		r := testkit.OwnRedis(t)
		return backing{
			url: r.URL(), stop: func(testing.TB) { r.Kill() }, start: func(testing.TB) { r.Restart() },
			cut:   func() error { return r.Do("CLIENT", "KILL", "TYPE", "pubsub") },
			empty: func() error { return r.Do("FLUSHALL") },
		}
	},
	"built in": func(t testing.TB) backing {
		m := miniredis.RunT(t)
		return backing{
			url: "redis://" + m.Addr(), stop: func(testing.TB) { m.Close() },
			start: func(t testing.TB) {
				if err := m.Restart(); err != nil {
					t.Fatal(err)
				}
			},
			empty: func() error { m.FlushAll(); return nil },
		}
	},
	"cluster": func(t testing.TB) backing {
		c := testkit.Cluster(t)
		each := func(do func(server int) error) error {
			return errors.Join(do(0), do(1), do(2))
		}
		must := func(t testing.TB, err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		return backing{
			url:   c.URL(),
			stop:  func(t testing.TB) { must(t, each(c.Kill)) },
			start: func(t testing.TB) { must(t, each(func(i int) error { return c.Restart(t.Context(), i) })) },
			cut: func() error {
				return each(func(i int) error { return c.Do(t.Context(), i, "CLIENT", "KILL", "TYPE", "pubsub") })
			},
			empty: func() error { return each(func(i int) error { return c.Do(t.Context(), i, "FLUSHALL") }) },
		}
	},
}

// A talk is words between two nodes, on a few streams.
type talk struct {
	t       *testing.T
	log     log
	here    *live.Hub
	ids     []uuid.UUID
	readers []*reader
	said    []string
}

func newTalk(t *testing.T, url string, sweep time.Duration) *talk {
	t.Helper()
	k := &talk{t: t, log: newLog(t), ids: []uuid.UUID{uuid.New(), uuid.New(), uuid.New(), uuid.New()}}
	node := func() *live.Hub {
		if url == "" {
			return hub(t, k.log, live.Options{Sweep: sweep})
		}
		return nodeOn(t, k.log, url, sweep)
	}
	k.here = node()
	there := node()
	for _, id := range k.ids {
		k.log.write(t, id, "first", 0)
		k.readers = append(k.readers, read(t, there, id, ""))
	}
	return k
}

// say says a word on all streams and wants it to come, behind all that was said before.
func (k *talk) say(word string) {
	k.t.Helper()
	k.whisper(word)
	for _, r := range k.readers {
		r.want(k.t, k.said...)
	}
}

// whisper says a word and waits for nothing.
func (k *talk) whisper(word string) {
	k.t.Helper()
	k.said = append(k.said, word)
	for _, id := range k.ids {
		k.here.Publish(live.Key{Kind: kind, ID: id}, k.log.write(k.t, id, word, 0))
	}
}

// Whatever Redis there is, and whatever becomes of it, every update comes once and in order; at once while it is
// there, by the sweep while it is not.
func TestEveryKindOfRedis(t *testing.T) {
	t.Parallel()
	for name, open := range backings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := open(t)
			if b.url == "" {
				newTalk(t, b.url, 150*time.Millisecond).say("by the sweep")
				return
			}
			t.Run("it carries updates at once, also after its connections were cut and it was emptied", func(t *testing.T) {
				k := newTalk(t, b.url, time.Hour)
				for i := range 5 {
					k.say(fmt.Sprint("w", i))
				}
				for i := range 5 {
					if b.cut != nil {
						if err := b.cut(); err != nil {
							t.Fatal(err)
						}
					}
					if err := b.empty(); err != nil {
						t.Fatal(err)
					}
					// The check that follows the renewed subscription finds what came in between.
					k.whisper(fmt.Sprint("cut", i))
					k.say(fmt.Sprint("and", i))
				}
			})
			t.Run("without it they come by the sweep", func(t *testing.T) {
				k := newTalk(t, b.url, 150*time.Millisecond)
				k.say("before")
				b.stop(t)
				k.say("stopped")
				degraded(t, k.here, true)
				k.say("degraded")
				b.start(t)
				degraded(t, k.here, false)
				k.say("back")
			})
			t.Run("it may be away from the start", func(t *testing.T) {
				b.stop(t)
				k := newTalk(t, b.url, 150*time.Millisecond)
				k.say("without")
				degraded(t, k.here, true)
				b.start(t)
				degraded(t, k.here, false)
				k.say("with")
			})
		})
	}
}
