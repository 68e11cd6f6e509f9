package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/convenehq/convene/internal/fault"
)

type refusal struct{ word string }

func (r *refusal) Error() string { return r.word }

func TestSplit(t *testing.T) {
	t.Parallel()
	one, two, other := &refusal{"one"}, &refusal{"two"}, errors.New("the disk is full")
	for _, c := range []struct {
		name     string
		err      error
		refusals int
		rest     bool
	}{
		{"nothing", nil, 0, false},
		{"a refusal", one, 1, false},
		{"a wrapped refusal", fmt.Errorf("while sending: %w", one), 1, false},
		{"several refusals", errors.Join(one, two), 2, false},
		{"a refusal beside something worse", errors.Join(one, other), 0, true},
		{"something else", other, 0, true},
		{"a fault", fault.Unauthenticated(), 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			refusals, rest := fault.Split[*refusal](c.err)
			if len(refusals) != c.refusals || (rest != nil) != c.rest || rest == nil && refusals == nil {
				t.Fatalf("got %v and %v", refusals, rest)
			}
		})
	}
}
