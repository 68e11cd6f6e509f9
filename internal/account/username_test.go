package account_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/viewer"
)

func TestLookAlikes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, username := range []string{"lola10", "morris", "wanda.w"} {
		b.register(t, username)
	}
	boss := b.register(t, "grace.hopper")
	if _, err := b.accounts.Grant(viewer.AsOperator(t.Context()), account.GrantRoleInput{AccountID: idOf(boss), Role: viewer.RoleModerator}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		username string
		display  string
		want     string
	}{
		{"lo1a1o", "", "USERNAME_TAKEN input.username"},
		{"mo.rris", "", ""}, // a dot can be seen
		{"rnorris", "", "USERNAME_TAKEN input.username"},
		{"vvanda.vv", "", "USERNAME_TAKEN input.username"},
		{"gracehopper", "", "USERNAME_TAKEN input.username"},
		{"gr4ce_h0pper", "", "USERNAME_TAKEN input.username"},
		{"grace.hopper2", "", ""},
		{"adm1n", "", "USERNAME_TAKEN input.username"},
		{"supp0rt", "", "USERNAME_TAKEN input.username"},
		{"m_o_d", "", "USERNAME_TAKEN input.username"},
		{"administrator2", "", ""},
		{"ada", "Admin", "DISPLAY_NAME_INVALID input.displayName"},
		{"ada", "\u0410dmin", "DISPLAY_NAME_INVALID input.displayName"},                 // a Cyrillic A
		{"ada", "\u24b6\uff44\u217fi\u0301n", "DISPLAY_NAME_INVALID input.displayName"}, // circled, wide, Roman, with a mark
		{"ada", "C0nvene  Support-Team", "DISPLAY_NAME_INVALID input.displayName"},
		{"ada", "Ada of Support", ""},
		{"bea", "Юлия Адмирал", ""},
		{"carl", "李小龍", ""},
	} {
		in := input(c.username)
		if c.display != "" {
			in.DisplayName = &c.display
		}
		_, err := b.accounts.Register(t.Context(), in)
		got := ""
		if err != nil {
			got = refusals(t, err)[0]
		}
		if got != c.want {
			t.Errorf("%q, %q: got %s, want %s", c.username, c.display, got, c.want)
		}
	}
}

func TestLookAlikesAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	nodes := []bench{b, b.node(t)}
	var made atomic.Int32
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			in := input(fmt.Sprintf("person%d", i))
			in.Username = "o" + string("o0"[i&1]) + string("o0"[i>>1&1]) + string("l1"[i>>2&1]) + string("l1"[i>>3&1])
			_, err := nodes[i%2].accounts.Register(t.Context(), in)
			if err == nil {
				made.Add(1)
			} else if codes := refusals(t, err); codes[0] != "USERNAME_TAKEN input.username" {
				t.Errorf("%s: %v", in.Username, codes)
			}
		})
	}
	wg.Wait()
	if n, err := b.db.Ent.Account.Query().Count(system(t)); err != nil || n != 1 || made.Load() != 1 {
		t.Errorf("%d were made, and %d accounts are there, %v", made.Load(), n, err)
	}
}

func TestOneAddressAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			in := input(fmt.Sprintf("person%d", i))
			in.Email = "shared@example.com"
			if _, err := b.accounts.Register(t.Context(), in); err != nil {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if n, err := b.db.Ent.Account.Query().Count(system(t)); err != nil || n != 20 {
		t.Errorf("%d accounts claim the address, %v", n, err)
	}
}
