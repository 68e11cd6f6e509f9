package graph_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/convenehq/convene/graph"
	"github.com/convenehq/convene/internal/invite"
	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/viewer"
)

const tryInvite = `mutation ($input: TryInviteInput!) {
	tryInvite(input: $input) { text userErrors { code } }
}`

func TestTryInvite(t *testing.T) {
	t.Parallel()
	a := &api{exec: graph.NewExecutor(&graph.Resolver{Invite: invite.New(testkit.DB(t))}, false)}
	person := viewer.OfPerson(uuid.New(), uuid.New())

	t.Run("what can be mended comes back in userErrors", func(t *testing.T) {
		t.Parallel()
		got := at(t, a.ok(t, person, tryInvite, vars{"input": vars{"text": " "}}), "tryInvite")
		if errs := at(t, got, "userErrors").([]any); len(errs) != 1 || at(t, got, "text") != nil {
			t.Errorf("got %v", got)
		}
	})
}
