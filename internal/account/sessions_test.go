package account_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/fault"
)

func TestSessions(t *testing.T) {
	t.Parallel()
	t.Run("lists where one is signed in, last used first, page by page", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in := b.register(t, "ada")
		b.register(t, "bob")
		want := []uuid.UUID{in.Viewer.Session()}
		for i := range 6 {
			if i%2 == 0 { // pairs that were used in the same moment
				b.clock.Add(time.Minute)
			}
			want = append(want, b.signIn(t, "ada").Viewer.Session())
		}
		slices.Reverse(want)
		// The oldest was used last.
		b.clock.Add(time.Hour)
		b.mustRefresh(t, *in.Tokens.RefreshToken)
		want = append([]uuid.UUID{in.Viewer.Session()}, want[:6]...)

		var got []uuid.UUID
		var after *string
		for {
			c, err := b.accounts.Sessions(as(t, in), 2, after)
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range c.Nodes() {
				got = append(got, row.ID)
				if account.IsCurrent(as(t, in), row) != (row.ID == in.Viewer.Session()) {
					t.Errorf("%v: the wrong one is current", row.ID)
				}
			}
			if after = c.PageInfo.EndCursor; !c.PageInfo.HasNextPage {
				break
			}
		}
		// Within a pair the order is that of random ids.
		for i := 1; i < 7; i += 2 {
			if slices.Compare(got[i][:], got[i+1][:]) < 0 {
				t.Errorf("the pair at %d is not in order", i)
			}
			if got[i] != want[i] {
				want[i], want[i+1] = want[i+1], want[i]
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
	})
	t.Run("leaves out what has ended", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.register(t, "ada") // expires
		b.clock.Add(20 * 24 * time.Hour)
		gone, in := b.signIn(t, "ada"), b.signIn(t, "ada")
		b.clock.Add(10 * 24 * time.Hour)
		if _, err := b.accounts.SignOut(as(t, gone)); err != nil {
			t.Fatal(err)
		}
		c, err := b.accounts.Sessions(as(t, in), 100, nil)
		if err != nil || len(c.Edges) != 1 || c.Edges[0].Node.ID != in.Viewer.Session() {
			t.Errorf("got %v, %v", c.Nodes(), err)
		}
		found, err := b.accounts.SessionsByIDs(as(t, in), []uuid.UUID{gone.Viewer.Session(), in.Viewer.Session(), uuid.New()})
		if err != nil || len(found) != 1 || found[in.Viewer.Session()] == nil {
			t.Errorf("by id: got %v, %v", found, err)
		}
	})
	t.Run("refuses a cursor of another list and of another person", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ada, bob := b.register(t, "ada"), b.register(t, "bob")
		c, err := b.accounts.Sessions(as(t, ada), 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		other := relay.List{Name: "blocks", Of: bob.Viewer.Account()}.Cursor(relay.Key{})
		for name, cursor := range map[string]*string{"another person's": c.PageInfo.EndCursor, "another list's": &other, "nonsense": new("x")} {
			if _, err := b.accounts.Sessions(as(t, bob), 1, cursor); !isFault(err, fault.CodeBadRequest) {
				t.Errorf("%s: got %v", name, err)
			}
		}
	})
	t.Run("asks the signed-out to sign in", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		if _, err := b.accounts.Sessions(t.Context(), 1, nil); !isFault(err, fault.CodeUnauthenticated) {
			t.Errorf("got %v", err)
		}
	})
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	revoke := func(t *testing.T, b bench, in *account.SignedIn, id relay.ID) (*relay.ID, error) {
		t.Helper()
		return b.accounts.Revoke(as(t, in), account.RevokeSessionInput{SessionID: id})
	}
	global := func(in *account.SignedIn) relay.ID {
		return relay.NewID(ent.AuthSessionPrefix, in.Viewer.Session())
	}
	t.Run("ends one of one's sessions, and may be told twice", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in, phone := b.register(t, "ada"), b.signIn(t, "ada")
		for range 2 {
			if id, err := revoke(t, b, in, global(phone)); err != nil || *id != global(phone) {
				t.Errorf("got %v, %v", id, err)
			}
		}
		if b.holds(t, *phone.Tokens.AccessToken) || !b.holds(t, *in.Tokens.AccessToken) {
			t.Error("the wrong one ended")
		}
		b.refuses(t, *phone.Tokens.RefreshToken)
	})
	t.Run("answers another's session like one that does not exist, and leaves it", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ada, bob := b.register(t, "ada"), b.register(t, "bob")
		var answers []string
		for _, id := range []relay.ID{global(bob), relay.NewID(ent.AuthSessionPrefix, uuid.Must(uuid.NewV7()))} {
			_, err := revoke(t, b, ada, id)
			codes := refusals(t, err)
			answers = append(answers, codes[0]+": "+err.Error())
		}
		if answers[0] != answers[1] || answers[0] != "NOT_FOUND input.sessionId: There is no such session of yours." {
			t.Errorf("got %q", answers)
		}
		if !b.holds(t, *bob.Tokens.AccessToken) {
			t.Error("it ended")
		}
	})
	t.Run("refuses the id of something else, and the signed-out", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in := b.register(t, "ada")
		if _, err := revoke(t, b, in, relay.NewID(ent.ProfilePrefix, in.Viewer.Session())); !isFault(err, fault.CodeBadRequest) {
			t.Errorf("a profile's id: got %v", err)
		}
		_, err := b.accounts.Revoke(t.Context(), account.RevokeSessionInput{SessionID: global(in)})
		if !isFault(err, fault.CodeUnauthenticated) {
			t.Errorf("signed out: got %v", err)
		}
	})
	t.Run("ends all others and counts them", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in, bob := b.register(t, "ada"), b.register(t, "bob")
		others := []*account.SignedIn{b.signIn(t, "ada"), b.signIn(t, "ada"), b.signIn(t, "ada")}
		if _, err := b.accounts.SignOut(as(t, others[0])); err != nil {
			t.Fatal(err)
		}
		for _, other := range others[1:] {
			if !b.holds(t, *other.Tokens.AccessToken) {
				t.Fatal("it does not stand to begin with")
			}
		}
		if n, err := b.accounts.RevokeOthers(as(t, in)); err != nil || n != 2 {
			t.Errorf("got %d, %v", n, err)
		}
		for _, other := range others {
			if b.holds(t, *other.Tokens.AccessToken) {
				t.Error("another still stands")
			}
		}
		if !b.holds(t, *in.Tokens.AccessToken) || !b.holds(t, *bob.Tokens.AccessToken) {
			t.Error("too many ended")
		}
		if n, err := b.accounts.RevokeOthers(as(t, in)); err != nil || n != 0 {
			t.Errorf("again: got %d, %v", n, err)
		}
		if _, err := b.accounts.RevokeOthers(t.Context()); !isFault(err, fault.CodeUnauthenticated) {
			t.Errorf("signed out: got %v", err)
		}
	})
}
