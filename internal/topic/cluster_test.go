package topic_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/testkit"
)

// Topics of one batch lie on different servers of a cluster, and a server may be away for a while.
func TestTopicsOnACluster(t *testing.T) {
	t.Parallel()
	c := testkit.Cluster(t)
	client, err := live.OpenRedis(c.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	b, start := newBench(t, client, 0)
	start()
	ada := newID()
	store := func(n int) {
		for range n {
			b.store(t, fact.Fact{Kind: "account.created", Subject: ada},
				fact.Fact{Kind: "account.met", Subject: ada, Refs: map[string]uuid.UUID{"other": newID()}})
		}
	}
	var week string
	err = b.db.SQL.QueryRowContext(t.Context(), "SELECT to_char(now() AT TIME ZONE 'UTC', 'IYYY-\"W\"IW')").Scan(&week)
	if err != nil {
		t.Fatal(err)
	}
	both := func(n int) func() bool {
		return func() bool { return len(b.entries(t, "NewUser")) >= n && len(b.entries(t, "Event_"+week)) >= n }
	}
	store(10)
	eventually(t, "both topics have their entries", both(10))
	last := b.entries(t, "NewUser")[9]
	if want := string(relay.NewID(ent.AccountPrefix, ada)); last["subject"] != want {
		t.Errorf("the subject is %v, want %s", last["subject"], want)
	}
	for server := range 3 {
		if err := c.Kill(server); err != nil {
			t.Fatal(err)
		}
		store(1)
		if err := c.Restart(t.Context(), server); err != nil {
			t.Fatal(err)
		}
		eventually(t, fmt.Sprint("what waited is taken out of the queue after server ", server), func() bool {
			return b.count(t, "fact_queue") == 0
		})
	}
	if parked := b.parked(t); len(parked) > 0 {
		t.Errorf("facts are parked because a server was away: %+v", parked)
	}
}
