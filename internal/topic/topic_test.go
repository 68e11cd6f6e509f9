package topic_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/topic"
)

func TestMain(m *testing.M) { testkit.Main(m) }

var kinds = []fact.Kind{
	{Name: "account.created", Subject: "account", Says: "Somebody is new."},
	{Name: "account.met", Subject: "account", Refs: []string{"other"}, Says: "Two people met."},
	{Name: "account.left", Subject: "account", Says: "Somebody is gone."},
	{Name: "account.shook", Subject: "account", IsBurst: true, Says: "Somebody shakes."},
	{Name: "block.created", Subject: "account", Withheld: "nobody may list who avoids whom", Says: "Somebody avoids somebody."},
}

// table has a topic for each week besides one for all.
var table = []topic.Route{
	{Kind: "account.created", Topic: topic.Named("NewUser")},
	{Kind: "account.met", Topic: topic.Keyed("Event", week), Refs: map[string]string{"other": ent.ProfilePrefix}},
}

func week(_ context.Context, _ *ent.Tx, f fact.Fact) (string, error) {
	year, week := f.At.UTC().ISOWeek()
	return fmt.Sprintf("%d-W%02d", year, week), nil
}

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// A bench is a log of facts whose only consumer writes topics.
type bench struct {
	db     *db.DB
	facts  *fact.Log
	redis  redis.UniversalClient
	prefix string
}

// newBench begins to consume once start is called. Topics lie under a prefix of the test's own.
func newBench(t *testing.T, client redis.UniversalClient, length int64) (b *bench, start func()) {
	t.Helper()
	d := testkit.DB(t)
	b = &bench{db: d, redis: client, prefix: "test:" + newID().String() + ":"}
	b.facts = fact.New(d, fact.NewCatalogue(kinds), fact.Options{Poll: 100 * time.Millisecond})
	topic.Consume(b.facts, topic.Options{Redis: client, Prefix: b.prefix, Length: length, Table: table})
	t.Cleanup(func() {
		for _, name := range client.Keys(context.Background(), b.prefix+"*").Val() {
			client.Del(context.Background(), name)
		}
	})
	return b, func() {
		t.Helper()
		if err := b.facts.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.facts.Close)
	}
}

func shared(t *testing.T) redis.UniversalClient {
	t.Helper()
	o, err := redis.ParseURL(testkit.RedisURL(t))
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(o)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func (b *bench) store(t *testing.T, facts ...fact.Fact) {
	t.Helper()
	if err := b.db.Tx(t.Context(), func(tx *ent.Tx) error { return b.facts.Store(t.Context(), tx, facts...) }); err != nil {
		t.Fatal(err)
	}
}

// entries are those of a topic, each as its fields.
func (b *bench) entries(t *testing.T, name string) []map[string]any {
	t.Helper()
	got, err := b.redis.XRange(t.Context(), b.prefix+name, "-", "+").Result()
	if err != nil {
		return nil // Redis is away, or something else is in its place
	}
	all := make([]map[string]any, 0, len(got))
	for _, e := range got {
		all = append(all, e.Values)
	}
	return all
}

func (b *bench) parked(t *testing.T) []fact.Parked {
	t.Helper()
	parked, err := b.facts.Parked(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return parked
}

func (b *bench) count(t *testing.T, where string) (n int) {
	t.Helper()
	if err := b.db.SQL.QueryRowContext(t.Context(), "SELECT count(*) FROM "+where).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never came about: %s", what)
		}
	}
}

func TestTopics(t *testing.T) {
	t.Parallel()

	t.Run("an entry has the fact's number and global ids, and the fact says that it was published", func(t *testing.T) {
		t.Parallel()
		b, start := newBench(t, shared(t), 0)
		start()
		ada, grace := newID(), newID()
		b.store(
			t, fact.Fact{Kind: "account.created", Subject: ada, Actor: ada}, fact.Fact{Kind: "account.left", Subject: ada},
			fact.Fact{Kind: "account.met", Subject: ada, Refs: map[string]uuid.UUID{"other": grace}},
		)
		eventually(t, "it is on its topic", func() bool { return len(b.entries(t, "NewUser")) == 1 })
		var id int64
		var at time.Time
		err := b.db.SQL.QueryRowContext(t.Context(), "SELECT id, at FROM facts WHERE kind = 'account.created'").Scan(&id, &at)
		if err != nil {
			t.Fatal(err)
		}
		account := string(relay.NewID(ent.AccountPrefix, ada))
		moment := at.UTC().Format(time.RFC3339Nano)
		want := map[string]any{
			"fact": fmt.Sprint(id), "kind": "account.created", "subject": account, "actor": account, "at": moment,
		}
		if diff := cmp.Diff(want, b.entries(t, "NewUser")[0]); diff != "" {
			t.Error(diff)
		}
		year, week := at.UTC().ISOWeek()
		keyed := fmt.Sprintf("Event_%d-W%02d", year, week)
		eventually(t, "the other one is on the topic of its week", func() bool { return len(b.entries(t, keyed)) == 1 })
		want = map[string]any{
			"fact": fmt.Sprint(id + 2), "kind": "account.met", "subject": account, "at": moment,
			"other": string(relay.NewID(ent.ProfilePrefix, grace)),
		}
		if diff := cmp.Diff(want, b.entries(t, keyed)[0]); diff != "" {
			t.Error(diff)
		}
		eventually(t, "both are marked", func() bool { return b.count(t, "facts WHERE published_at >= at") == 2 })
		if n := b.count(t, "facts WHERE published_at IS NULL AND kind = 'account.left'"); n != 1 {
			t.Errorf("%d facts of a kind without a topic are left alone, want 1", n)
		}
	})

	t.Run("old entries are trimmed", func(t *testing.T) {
		t.Parallel()
		b, start := newBench(t, shared(t), 100)
		start()
		const many = 1000
		for range many / 100 {
			facts := make([]fact.Fact, 100)
			for i := range facts {
				facts[i] = fact.Fact{Kind: "account.created", Subject: newID()}
			}
			b.store(t, facts...)
		}
		eventually(t, "all are published", func() bool { return b.count(t, "facts WHERE published_at IS NOT NULL") == many })
		if n := len(b.entries(t, "NewUser")); n < 100 || n > 300 {
			t.Errorf("%d entries are kept, want about 100", n)
		}
	})

	t.Run("a commit that fails behind an entry has it added again, with the same number", func(t *testing.T) {
		t.Parallel()
		b, start := newBench(t, shared(t), 0)
		_, err := b.db.SQL.ExecContext(t.Context(), `
CREATE SEQUENCE tries;
CREATE FUNCTION fail_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	IF nextval('tries') = 1 THEN RAISE EXCEPTION 'the node dies'; END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER fail_once AFTER DELETE ON fact_queue FOR EACH STATEMENT EXECUTE FUNCTION fail_once()`)
		if err != nil {
			t.Fatal(err)
		}
		start()
		b.store(t, fact.Fact{Kind: "account.created", Subject: newID()})
		eventually(t, "it is there twice", func() bool { return len(b.entries(t, "NewUser")) == 2 })
		eventually(t, "the queue is empty", func() bool { return b.count(t, "fact_queue") == 0 })
		if got := b.entries(t, "NewUser"); len(got) != 2 || got[0]["fact"] != got[1]["fact"] {
			t.Errorf("got %v", got)
		}
	})

	t.Run("what stands in a topic's place parks its facts, and those of other topics go on", func(t *testing.T) {
		t.Parallel()
		b, start := newBench(t, shared(t), 0)
		if err := b.redis.Set(t.Context(), b.prefix+"NewUser", "not a stream", 0).Err(); err != nil {
			t.Fatal(err)
		}
		start()
		ada := newID()
		b.store(t, fact.Fact{Kind: "account.created", Subject: ada})
		b.store(t, fact.Fact{Kind: "account.met", Subject: newID(), Refs: map[string]uuid.UUID{"other": ada}})
		eventually(t, "it is parked", func() bool {
			parked := b.parked(t)
			return len(parked) == 1 && parked[0].Subject == ada && strings.Contains(parked[0].Error, b.prefix+"NewUser, which is no stream")
		})
		eventually(t, "the other is published", func() bool { return b.count(t, "facts WHERE published_at IS NOT NULL") == 1 })
		b.redis.Del(t.Context(), b.prefix+"NewUser")
		if _, err := b.facts.Retry(t.Context(), topic.ConsumerName, ada); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it is there", func() bool { return len(b.entries(t, "NewUser")) == 1 && len(b.parked(t)) == 0 })
	})
}

func TestTable(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		route topic.Route
		want  string
	}{
		"a block":                        {topic.Route{Kind: "block.created", Topic: topic.Named("Block")}, "nobody may list who avoids whom"},
		"a burst":                        {topic.Route{Kind: "account.shook", Topic: topic.Named("Shake")}, "bursts"},
		"a kind that does not exist":     {topic.Route{Kind: "account.vanished", Topic: topic.Named("Gone")}, "no such kind"},
		"a kind twice":                   {topic.Route{Kind: "account.created", Topic: topic.Named("Again")}, "two topics"},
		"a name that would be two words": {topic.Route{Kind: "account.left", Topic: topic.Named("Left User")}, "can not be a topic's name"},
		"a ref without a prefix":         {topic.Route{Kind: "account.met", Topic: topic.Named("Met")}, "1"},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			t.Parallel()
			defer func() {
				if p := recover(); p == nil || !strings.Contains(fmt.Sprint(p), c.want) {
					t.Errorf("got %v, want a sentence with %q", p, c.want)
				}
			}()
			l := fact.New(nil, fact.NewCatalogue(kinds), fact.Options{})
			topic.Consume(l, topic.Options{Table: append(slices.Clone(table[:1]), c.route)})
		})
	}
}
