package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/rehearsal"
	"github.com/convenehq/convene/internal/testkit"
)

// program is the program of the working tree, which all tests share.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "convene-chaos-test-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "convene")
	return path, rehearsal.Build(context.Background(), ".", path)
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := program(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// try makes a chaos with the given arguments.
func try(t *testing.T, args ...string) {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	o, _, err := parse(append(args, "-program", path), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("seed %d", o.seed)
	c := &chaos{options: o, say: t.Logf}
	r, err := c.run(t.Context(), t.Output())
	if errors.Is(err, testkit.ErrNoCluster) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := r.Print(&out); err != nil {
		t.Errorf("%v:\n%s", err, &out)
	}
}

// TestChaos is a whole run, in little: what holds for long has to hold for short.
func TestChaos(t *testing.T) {
	t.Parallel()
	if testing.Short() { // as with the race detector
		try(t, "-duration", "12s", "-clients", "16", "-rate", "30")
		return
	}
	try(t, "-short")
}

func TestChaosOnACluster(t *testing.T) {
	t.Parallel()
	try(t, "-redis", "cluster", "-mishaps", "slot,swallow,cut,kill", "-duration", "10s", "-clients", "10", "-rate", "20")
}

func TestSchedule(t *testing.T) {
	t.Parallel()
	t.Run("the same seed makes the same schedule", func(t *testing.T) {
		t.Parallel()
		a, b, other := scheduleOf(7, time.Minute, allMishaps()), scheduleOf(7, time.Minute, allMishaps()), scheduleOf(8, time.Minute, allMishaps())
		if !slices.Equal(a.strikes, b.strikes) || slices.Equal(a.strikes, other.strikes) {
			t.Fatalf("got\n%v\n%v\n%v", a.strikes, b.strikes, other.strikes)
		}
	})
	t.Run("every mishap is in it, and none ends after the run but a client's", func(t *testing.T) {
		t.Parallel()
		for seed := range uint64(100) {
			p := scheduleOf(seed, time.Minute, allMishaps())
			for _, f := range allMishaps() {
				if !slices.ContainsFunc(p.strikes, func(e strike) bool { return e.mishap == f }) {
					t.Fatalf("%s does not happen", f)
				}
			}
			for _, e := range p.strikes {
				if e.at < 0 || e.at+e.lasts > time.Minute && e.mishap != mishapReader {
					t.Fatalf("%v is out of time", e)
				}
			}
		}
	})
	t.Run("phases whose mishaps were not chosen are left out", func(t *testing.T) {
		t.Parallel()
		p := scheduleOf(1, time.Minute, []mishap{mishapRedis})
		if len(p.phases) != 3 || p.phases[2].until != time.Minute {
			t.Fatalf("got %+v", p.phases)
		}
		if p := scheduleOf(1, time.Minute, nil); len(p.phases) != 1 || len(p.strikes) != 0 {
			t.Fatalf("got %+v", p)
		}
	})
}

// scene is a conversation of two with what PostgreSQL has of it: two messages, an edit, and a third message
// behind a curtain.
func scene() (*truth, *conversation, *person) {
	me, other := &person{id: uuid.New()}, &person{id: uuid.New()}
	c := &conversation{id: uuid.New(), globalID: "c", members: []*person{me, other}}
	first, second, third := uuid.New(), uuid.New(), uuid.New()
	return &truth{
		entries: map[uuid.UUID][]entry{c.id: {
			{seq: 1, kind: kindSent, message: first, messageSeq: 1, author: other.id},
			{seq: 2, kind: kindSent, message: second, messageSeq: 2, author: other.id},
			{seq: 3, kind: kindEdited, message: first, messageSeq: 1, author: other.id},
			{seq: 4, kind: "CURTAIN_DRAWN"},
			{seq: 5, kind: kindSent, message: third, messageSeq: 5, author: other.id},
			{seq: 6, kind: "CURTAIN_LIFTED"},
			{seq: 7, kind: kindEdited, message: third, messageSeq: 5, author: other.id},
		}},
		curtains: map[uuid.UUID][]curtain{c.id: {{lower: me.id, upper: other.id, from: 4, until: 6}}},
	}, c, me
}

// got is a follower who is at a number and got these.
func got(t *truth, c *conversation, p *person, position int64, seqs ...int64) snapshot {
	s := snapshot{follower: follow(p, c), position: position, arrivals: map[int64]arrival{}}
	for _, seq := range seqs {
		e := t.entries[c.id][seq-1]
		s.arrivals[seq] = arrival{kind: e.kind, message: e.message}
	}
	return s
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	truth, c, me := scene()
	judge := func(s snapshot) finding {
		var f finding
		f.compare(s, truth)
		f.examples, f.deliveries = nil, 0
		return f
	}
	wrong := got(truth, c, me, 7, 1, 2, 3)
	wrong.arrivals[2] = arrival{kind: kindEdited, message: wrong.arrivals[2].message}
	needless := got(truth, c, me, 7, 1)
	needless.resyncs = []resync{{"TOO_FAR_BEHIND", 1, 7}}
	for _, test := range []struct {
		name string
		got  snapshot
		want finding
	}{
		{"everything that one may see is right", got(truth, c, me, 7, 1, 2, 3), finding{}},
		{"what is still to come is no gap", got(truth, c, me, 1, 1), finding{}},
		{"what did not come is a gap", got(truth, c, me, 7, 1, 3), finding{gaps: 1}},
		{"what a curtain hides is not to be seen, nor what becomes of it", got(truth, c, me, 7, 1, 2, 3, 5, 7), finding{unseen: 2}},
		{"another kind than the number's is wrong", wrong, finding{wrong: 1}},
		{"a resync with little owed is false, and excuses what it stands for", needless, finding{resyncs: 1, falseResyncs: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := judge(test.got); fmt.Sprint(got) != fmt.Sprint(test.want) {
				t.Fatalf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestLedger(t *testing.T) {
	t.Parallel()
	author, text, other := uuid.New(), uuid.New(), uuid.New()
	key := sendKey{author, "1"}
	at, of := place{author, uuid.New()}, pair{author, other}
	asked := func() *ledger {
		l := newLedger()
		l.sends[key] = &sending{message: text, seq: 2, isAcked: true}
		l.edits[text] = &editing{bodies: []string{"a", "b"}, acked: 2}
		l.reads[at] = 2
		l.stands[of] = standing{blocks: true, isKnown: true}
		return l
	}
	whole := func() *truth {
		return &truth{
			entries: map[uuid.UUID][]entry{at.conversation: {
				{seq: 2, kind: kindSent, message: text}, {seq: 3, kind: kindEdited, message: text}, {seq: 4, kind: kindEdited, message: text},
			}},
			messages: map[uuid.UUID]message{text: {sendKey: key, seq: 2, body: "b"}},
			reads:    map[place]int64{at: 2}, blocks: map[pair]bool{of: true},
		}
	}
	for _, test := range []struct {
		name          string
		change        func(*truth)
		lost, doubled int
	}{
		{"what is all there is settled", func(*truth) {}, 0, 0},
		{"a message that is gone is lost, and its edit", func(t *truth) { delete(t.messages, text) }, 2, 0},
		{"an older text is a lost edit", func(t *truth) { t.messages[text] = message{sendKey: key, seq: 2, body: "a"} }, 1, 0},
		{"a read position that went back is lost", func(t *truth) { t.reads[at] = 1 }, 1, 0},
		{"a block that does not stand is lost", func(t *truth) { t.blocks = nil }, 1, 0},
		{"a second message of one key is doubled", func(t *truth) { t.messages[other] = message{sendKey: key, seq: 5} }, 0, 1},
		{"a message without a key is doubled", func(t *truth) { t.messages[other] = message{seq: 5} }, 0, 1},
		{"an edit more than were tried is doubled", func(t *truth) {
			t.entries[at.conversation] = append(t.entries[at.conversation], entry{seq: 5, kind: kindEdited, message: text})
		}, 0, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			truth := whole()
			test.change(truth)
			if s := asked().settleUp(truth); s.lost != test.lost || s.doubled != test.doubled {
				t.Fatalf("got %+v", s)
			}
		})
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-mishaps", "plague"}, {"-clients", "3"}, {"-redis", "none"}, {"now"}, {"-duration", "1ms"}} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
	var help strings.Builder
	if err := run(t.Context(), []string{"-help"}, io.Discard, &help); !errors.Is(err, flag.ErrHelp) || !strings.Contains(help.String(), "go run ./internal/chaos -short") {
		t.Errorf("got %v: %s", err, &help)
	}
	var printed strings.Builder
	if err := run(t.Context(), []string{"-schedule", "-seed", "7"}, &printed, os.Stderr); err != nil || !strings.Contains(printed.String(), "kill node") {
		t.Errorf("got %v: %s", err, &printed)
	}
}
