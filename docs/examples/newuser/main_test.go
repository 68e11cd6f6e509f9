package main

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/topic"
)

// selfEnv makes this test the example itself.
const selfEnv = "NEWUSER_TEST_SELF"

func TestMain(m *testing.M) {
	if os.Getenv(selfEnv) != "" {
		main()
		return
	}
	testkit.Main(m)
}

const deadline = 20 * time.Second

// A program is the example as it runs somewhere.
type program struct {
	*exec.Cmd
	said chan string
}

func start(t *testing.T, redisURL string, args ...string) *program {
	t.Helper()
	p := &program{exec.Command(os.Args[0], args...), make(chan string, 1000)}
	p.Env = append(os.Environ(), selfEnv+"=yes", "REDIS_URL="+redisURL)
	p.Stderr = os.Stderr
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Process.Kill()
		_ = p.Wait()
	})
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.said <- lines.Text()
		}
	}()
	return p
}

func (p *program) welcomes(t *testing.T, who uuid.UUID) {
	t.Helper()
	select {
	case line := <-p.said:
		if want := "Welcome, " + string(relay.NewID(ent.AccountPrefix, who)) + " "; !strings.HasPrefix(line, want) {
			t.Fatalf("it says %q, want %q", line, want)
		}
	case <-time.After(deadline):
		t.Fatalf("%v was not welcomed", who)
	}
}

// The facts come from where they come from in a node.
func newPerson(t *testing.T, d *db.DB, l *fact.Log) uuid.UUID {
	t.Helper()
	id := uuid.Must(uuid.NewV7())
	err := d.Tx(t.Context(), func(tx *ent.Tx) error {
		return l.Store(t.Context(), tx, fact.Fact{Kind: "account.created", Subject: id, Actor: id})
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestNewUser(t *testing.T) {
	t.Parallel()
	url := testkit.RedisURL(t)
	o, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(o)
	t.Cleanup(func() { _ = client.Close() })
	d := testkit.DB(t)
	l := fact.New(d, graph.Catalogue(), fact.Options{})
	prefix := "test:" + uuid.NewString() + ":"
	topic.Consume(l, topic.Options{Redis: client, Prefix: prefix})
	if err := l.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	key := prefix + "NewUser"
	t.Cleanup(func() {
		ctx := context.Background() // the test's own has ended
		client.Del(ctx, append(client.Keys(ctx, prefix+"*").Val(), key)...)
	})

	before := newPerson(t, d, l)
	first := start(t, url, "-topic", key, "-name", "first", "-idle", "200ms")
	first.welcomes(t, before)
	first.welcomes(t, newPerson(t, d, l))

	// An entry that is there twice, as after a crash of the node that had added it.
	last, err := client.XRevRangeN(t.Context(), key, "+", "-", 1).Result()
	if err != nil {
		t.Fatal(err)
	}
	if err := client.XAdd(t.Context(), &redis.XAddArgs{Stream: key, Values: last[0].Values}).Err(); err != nil {
		t.Fatal(err)
	}
	first.welcomes(t, newPerson(t, d, l)) // and nobody twice
	acknowledged(t, client, key)          // who dies before that leaves it to the next
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait()

	// One dies with an entry in its hands: the next takes it over.
	left := newPerson(t, d, l)
	dying := &redis.XReadGroupArgs{Group: "greeter", Consumer: "dying", Streams: []string{key, ">"}, Count: 1, Block: deadline}
	if got, err := client.XReadGroup(t.Context(), dying).Result(); err != nil || len(got) != 1 {
		t.Fatalf("got %v, %v", got, err)
	}
	second := start(t, url, "-topic", key, "-name", "second", "-idle", "200ms")
	second.welcomes(t, left)

	// Redis has lost everything, the group with it.
	if err := client.Del(t.Context(), key).Err(); err != nil {
		t.Fatal(err)
	}
	second.welcomes(t, newPerson(t, d, l))
	acknowledged(t, client, key)
}

// acknowledged waits until nothing is left in the hands of a reader.
func acknowledged(t *testing.T, client *redis.Client, key string) {
	t.Helper()
	waiting, err := client.XPending(t.Context(), key, "greeter").Result()
	for end := time.Now().Add(deadline); (err != nil || waiting.Count > 0) && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		waiting, err = client.XPending(t.Context(), key, "greeter").Result()
	}
	if err != nil || waiting.Count != 0 {
		t.Errorf("not acknowledged: %v, %v", waiting, err)
	}
}
