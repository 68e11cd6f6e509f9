package network_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/curtain"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/messaging"
	"github.com/convenehq/convene/internal/network"
	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/testkit/node"
	"github.com/convenehq/convene/internal/viewer"
)

func TestMain(m *testing.M) { testkit.Main(m) }

type house struct {
	t         testing.TB
	db        *db.DB
	messaging *messaging.Service
	network   *network.Service
}

func newHouse(t testing.TB) *house {
	t.Helper()
	d := testkit.DB(t)
	n := node.On(t, d, live.Options{})
	return &house{t: t, db: d, messaging: n.Messaging, network: n.Network}
}

func (h *house) person(name string) uuid.UUID { return testkit.Person(h.t, h.db, name) }

func (h *house) as(id uuid.UUID) context.Context { return testkit.As(h.t, id) }

func id(of uuid.UUID) relay.ID { return relay.NewID(ent.ProfilePrefix, of) }

func refused(err error) network.NetworkErrorCode {
	var refusal *network.NetworkUserError
	if errors.As(err, &refusal) {
		return refusal.Code
	}
	return ""
}

func TestBlock(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada, bob := h.person("ada"), h.person("bob")
	if _, err := h.messaging.Open(t.Context(), "both", ada, bob); err != nil {
		t.Fatal(err)
	}

	t.Run("twenty blocks at once are one", func(t *testing.T) {
		var wait sync.WaitGroup
		ids := make([]uuid.UUID, 20)
		for i := range ids {
			wait.Go(func() {
				b, err := h.network.Block(h.as(ada), network.BlockInput{ProfileID: id(bob)})
				if err != nil {
					t.Errorf("block: %v", err)
					return
				}
				ids[i] = b.ID
			})
		}
		wait.Wait()
		for _, got := range ids {
			if got != ids[0] {
				t.Fatalf("got %v", ids)
			}
		}
	})
	t.Run("whoever is blocked can block back whom they share a conversation with, and neither knows of the other's", func(t *testing.T) {
		if _, err := h.network.Block(h.as(bob), network.BlockInput{ProfileID: id(ada)}); err != nil {
			t.Fatal(err)
		}
		for _, who := range []uuid.UUID{ada, bob} {
			page, err := h.network.Blocks(h.as(who), 10, nil)
			if err != nil || len(page.Edges) != 1 || page.Edges[0].Node.BlockerID != who {
				t.Fatalf("got %v, %v", page, err)
			}
		}
	})
	t.Run("with one taken back the other still stands", func(t *testing.T) {
		got, err := h.network.Unblock(h.as(ada), network.UnblockInput{ProfileID: id(bob)})
		if err != nil || got != nil {
			t.Fatalf("got %v, %v, want a profile that is not visible", got, err)
		}
		got, err = h.network.Unblock(h.as(bob), network.UnblockInput{ProfileID: id(ada)})
		if err != nil || got == nil {
			t.Fatalf("got %v, %v, want the profile", got, err)
		}
	})
	t.Run("taking back what does not stand changes nothing", func(t *testing.T) {
		if _, err := h.network.Unblock(h.as(bob), network.UnblockInput{ProfileID: id(ada)}); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("oneself, nobody and signed out are refused", func(t *testing.T) {
		_, self := h.network.Block(h.as(ada), network.BlockInput{ProfileID: id(ada)})
		_, nobody := h.network.Block(h.as(ada), network.BlockInput{ProfileID: id(uuid.New())})
		_, out := h.network.Block(t.Context(), network.BlockInput{ProfileID: id(ada)})
		var f *fault.Error
		if refused(self) != network.CodeSelf || refused(nobody) != network.CodeNotFound || !errors.As(out, &f) || f.Code != fault.CodeUnauthenticated {
			t.Fatalf("got %v, %v, %v", self, nobody, out)
		}
	})
	t.Run("whoever is blocked is told nothing by blocking or unblocking", func(t *testing.T) {
		eve := h.person("eve")
		if _, err := h.network.Block(h.as(ada), network.BlockInput{ProfileID: id(eve)}); err != nil {
			t.Fatal(err)
		}
		for what, try := range map[string]func(of uuid.UUID) error{
			"block": func(of uuid.UUID) error {
				_, err := h.network.Block(h.as(eve), network.BlockInput{ProfileID: id(of)})
				return err
			},
			"unblock": func(of uuid.UUID) error {
				_, err := h.network.Unblock(h.as(eve), network.UnblockInput{ProfileID: id(of)})
				return err
			},
		} {
			blocker, nobody := try(ada), try(uuid.New())
			if refused(blocker) != network.CodeNotFound || blocker.Error() != nobody.Error() {
				t.Errorf("%s: got %v and %v", what, blocker, nobody)
			}
		}
		if _, err := h.network.Unblock(h.as(ada), network.UnblockInput{ProfileID: id(eve)}); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("the list is read page by page", func(t *testing.T) {
		for i := range 5 {
			if _, err := h.network.Block(h.as(ada), network.BlockInput{ProfileID: id(h.person(fmt.Sprint("other", i)))}); err != nil {
				t.Fatal(err)
			}
		}
		seen, after := map[uuid.UUID]bool{}, (*string)(nil)
		for {
			page, err := h.network.Blocks(h.as(ada), 2, after)
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range page.Nodes() {
				seen[b.ID] = true
			}
			if !page.PageInfo.HasNextPage {
				break
			}
			after = page.PageInfo.EndCursor
		}
		if len(seen) != 5 {
			t.Fatalf("got %d blocks, want 5", len(seen))
		}
	})
}

// Blocks and unblocks of the same two, at once and from both sides, leave at most one curtain hanging, and
// exactly one if a block is left.
func TestCurtainsUnderContention(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada, bob, cy := h.person("ada"), h.person("bob"), h.person("cy")
	c, err := h.messaging.Open(t.Context(), "three", ada, bob, cy)
	if err != nil {
		t.Fatal(err)
	}
	system := viewer.AsSystem(t.Context(), "the test's own look")
	for range 10 {
		var wait sync.WaitGroup
		for _, pair := range [][2]uuid.UUID{{ada, bob}, {bob, ada}} {
			for range 3 {
				wait.Go(func() {
					if _, err := h.network.Block(h.as(pair[0]), network.BlockInput{ProfileID: id(pair[1])}); err != nil {
						t.Errorf("block: %v", err)
					}
				})
				wait.Go(func() {
					_, err := h.network.Unblock(h.as(pair[0]), network.UnblockInput{ProfileID: id(pair[1])})
					if err != nil && refused(err) != network.CodeNotFound { // none of one's own, and blocked
						t.Errorf("unblock: %v", err)
					}
				})
			}
		}
		wait.Wait()
		blocks := h.db.Ent.Block.Query().CountX(system)
		hanging := h.db.Ent.Curtain.Query().Where(curtain.ConversationID(c.ID), curtain.UntilSeqIsNil()).CountX(system)
		if hanging != min(blocks, 1) {
			t.Fatalf("%d curtains hang with %d blocks", hanging, blocks)
		}
	}
}
