package account_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/convenehq/convene/ent/account"
	"github.com/convenehq/convene/ent/profile"
	accounts "github.com/convenehq/convene/internal/account"
)

// renames changes somebody's username as the clock stands, and answers the refusals.
func (b bench) renames(t *testing.T, in *accounts.SignedIn, username string) []string {
	t.Helper()
	if _, err := b.accounts.Reauthenticate(as(t, in), accounts.ReauthenticateInput{Password: goodPassword}); err != nil {
		t.Fatal(err)
	}
	row, err := b.accounts.ChangeUsername(as(t, in), accounts.ChangeUsernameInput{Username: username})
	why := refusals(t, err)
	if (row == nil) != (len(why) > 0) {
		t.Errorf("got %v, %v", row, why)
	}
	return why
}

func TestChangeUsername(t *testing.T) {
	t.Parallel()
	wants := func(t *testing.T, got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	t.Run("twenty at once to one name: one wins, and account and profile agree", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		var people []*accounts.SignedIn
		for i := range 20 {
			people = append(people, b.register(t, fmt.Sprint("person", i)))
		}
		var group sync.WaitGroup
		var mu sync.Mutex
		won := 0
		for i, who := range people {
			n := b
			if i%2 == 1 {
				n = b.node(t)
			}
			group.Go(func() {
				_, err := n.accounts.ChangeUsername(as(t, who), accounts.ChangeUsernameInput{Username: "the.one"})
				mu.Lock()
				defer mu.Unlock()
				if why := refusals(t, err); len(why) == 0 {
					won++
				} else if !slices.Equal(why, []string{"USERNAME_TAKEN input.username"}) {
					t.Errorf("got %v", why)
				}
			})
		}
		group.Wait()
		if won != 1 {
			t.Errorf("%d won", won)
		}
		owner, err := b.db.Ent.Account.Query().Where(account.Username("the.one")).OnlyID(system(t))
		if err != nil {
			t.Fatal(err)
		}
		if shown, err := b.db.Ent.Profile.Query().Where(profile.Username("the.one")).OnlyID(system(t)); err != nil || shown != owner {
			t.Errorf("the profile with the name is %v, %v", shown, err)
		}
	})
	t.Run("a name that is given up is free for nobody at that moment, however many wait for it", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ada := b.register(t, "ada")
		var others []*accounts.SignedIn
		for i := range 5 {
			others = append(others, b.register(t, fmt.Sprint("other", i)))
		}
		var group sync.WaitGroup
		group.Go(func() { wants(t, b.renames(t, ada, "ada.l")) })
		for i, who := range others {
			group.Go(func() {
				_, err := b.accounts.ChangeUsername(as(t, who), accounts.ChangeUsernameInput{Username: "ada"})
				wants(t, refusals(t, err), "USERNAME_TAKEN input.username")
			})
			group.Go(func() {
				in := input("ada")
				in.Email = fmt.Sprintf("new%d@example.com", i)
				_, err := b.accounts.Register(t.Context(), in)
				wants(t, refusals(t, err), "USERNAME_TAKEN input.username")
			})
		}
		group.Wait()
		if n, err := b.db.Ent.Account.Query().Where(account.Username("ada")).Count(system(t)); err != nil || n != 0 {
			t.Errorf("%d have it, %v", n, err)
		}
	})
	t.Run("the old name is kept for its former owner for 30 days, on every node", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ada, eve := b.register(t, "ada"), b.register(t, "eve")
		wants(t, b.renames(t, ada, "ada.l"))
		b.clock.Add(30*24*time.Hour - time.Second)
		wants(t, b.node(t).renames(t, eve, "Ada"), "USERNAME_TAKEN input.username")
		in := input("ada")
		in.Email = "ada2@example.com"
		_, err := b.accounts.Register(t.Context(), in)
		wants(t, refusals(t, err), "USERNAME_TAKEN input.username")
		b.clock.Add(time.Second)
		eve = b.signIn(t, "eve")
		wants(t, b.renames(t, eve, "ada"))
		ada = b.signIn(t, "ada.l")
		wants(t, b.renames(t, ada, "ada"), "USERNAME_TAKEN input.username")
		if err := b.accounts.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := b.count(t, "username_reservations"); n != 1 { // that of eve, who is ada by now
			t.Errorf("there are %d reservations", n)
		}
	})
	t.Run("its owner may go back, and then the other one is kept", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ada, eve := b.register(t, "ada"), b.register(t, "eve")
		wants(t, b.renames(t, ada, "ada.l"))
		wants(t, b.renames(t, ada, "ada"))
		wants(t, b.renames(t, eve, "ada.l"), "USERNAME_TAKEN input.username")
		wants(t, b.renames(t, eve, "ada"), "USERNAME_TAKEN input.username")
		wants(t, b.renames(t, ada, "ada.l"))
		wants(t, b.renames(t, eve, "ada"), "USERNAME_TAKEN input.username")
	})
	t.Run("refuses what nobody may be called, and the sixth change within 30 days", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ada := b.register(t, "ada")
		for name, want := range map[string]string{
			"": "USERNAME_INVALID", "ad": "USERNAME_INVALID", "a..b": "USERNAME_INVALID", "аda": "USERNAME_INVALID", "ada\x00l": "USERNAME_INVALID",
			"Admin": "USERNAME_TAKEN", "ad_min": "USERNAME_TAKEN",
		} {
			wants(t, b.renames(t, ada, name), want+" input.username")
		}
		wants(t, b.renames(t, ada, " @ADA"), "USERNAME_INVALID input.username")
		wants(t, b.renames(t, ada, "ADA ")) // as it is
		for i := range 5 {
			wants(t, b.renames(t, ada, fmt.Sprint("ada", i)))
		}
		wants(t, b.renames(t, ada, "ada"), "USERNAME_CHANGED_TOO_OFTEN input.username")
		wants(t, b.renames(t, ada, "ada4")) // as it is
		b.clock.Add(30 * 24 * time.Hour)
		ada = b.signIn(t, "ada4")
		wants(t, b.renames(t, ada, "ada"))
	})
	t.Run("a change that is refused leaves everything as it was", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ada := b.register(t, "ada")
		b.register(t, "bob")
		wants(t, b.renames(t, ada, "bob"), "USERNAME_TAKEN input.username")
		if b.count(t, "username_reservations") != 0 {
			t.Error("there is a reservation")
		}
		b.signIn(t, "ada")
	})
}
