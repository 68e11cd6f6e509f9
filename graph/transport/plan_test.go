package transport_test

import (
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/uuid"

	"github.com/convenehq/convene/graph/transport"
	"github.com/convenehq/convene/internal/viewer"
)

func TestPlansOfOnePerson(t *testing.T) {
	t.Parallel()
	op := &graphql.OperationContext{RawQuery: "subscription { updates }"}
	key := func(v viewer.Viewer) string {
		k, err := transport.PlanKey(op, "", v)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	account := uuid.New()
	tab := func(role viewer.Role) viewer.Viewer { return viewer.OfPerson(account, uuid.New()).WithRole(role) }
	if phone, laptop := tab(viewer.RoleUser), tab(viewer.RoleUser); key(phone) != key(laptop) {
		t.Error("two tabs of one person do not share their rendering")
	}
	if key(tab(viewer.RoleAdmin)) == key(tab(viewer.RoleUser)) {
		t.Error("a tab that was opened after a role was taken away shares what another renders with it")
	}
	if key(tab(viewer.RoleUser)) == key(viewer.OfPerson(uuid.New(), uuid.New()).WithRole(viewer.RoleUser)) {
		t.Error("two people share their renderings")
	}
}
