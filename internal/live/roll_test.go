package live

import (
	"slices"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// Whatever comes and goes, every stream is looked at in every round, from its coming to its end, and none that has
// ended is.
func TestRoll(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		var r roll
		lasting := map[*stream]int{} // when each was looked at last, or came
		at := 0
		for range rapid.IntRange(1, 80).Draw(rt, "ticks") {
			for range rapid.IntRange(0, 6).Draw(rt, "come") {
				s := &stream{key: Key{ID: uuid.New()}, part: rapid.IntRange(0, sweepParts-1).Draw(rt, "part")}
				r.add(s)
				lasting[s] = at + sweepParts // it may have come behind its own part
			}
			for s := range lasting {
				if rapid.IntRange(0, 9).Draw(rt, "goes") == 0 {
					r.remove(s)
					delete(lasting, s)
				}
			}
			taken := r.take(nil, at%sweepParts)
			at++
			for i, s := range taken {
				if _, ok := lasting[s]; !ok {
					rt.Fatal("a stream that has ended is looked at")
				}
				if slices.Contains(taken[:i], s) {
					rt.Fatal("a stream is looked at twice in a part")
				}
				lasting[s] = at
			}
			if at%sweepParts > 0 {
				continue
			}
			for _, last := range lasting {
				if at-last >= sweepParts {
					rt.Fatalf("a stream was not looked at in a round, %d parts before", at-last)
				}
			}
		}
	})
}

// Who came during a round is looked at when the next one begins, and not only in its place, which may be the last.
func TestRollBeginsWithWhoCameLast(t *testing.T) {
	t.Parallel()
	var r roll
	for range 100 {
		r.add(&stream{key: Key{ID: uuid.New()}})
	}
	for part := range sweepParts {
		r.take(nil, part)
	}
	r.take(nil, 0)
	last := &stream{key: Key{ID: uuid.Max}}
	r.add(last) // its own part is over
	for part := 1; part < sweepParts; part++ {
		r.take(nil, part)
	}
	if !slices.Contains(r.take(nil, 0), last) {
		t.Error("the last one waits for its place")
	}
	for part := 1; part < sweepParts; part++ {
		if slices.Contains(r.take(nil, part), last) != (part == sweepParts-1) {
			t.Errorf("in part %d it is out of its place", part)
		}
	}
}
