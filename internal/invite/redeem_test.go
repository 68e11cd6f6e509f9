package invite_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/invite"
	"github.com/convenehq/convene/internal/viewer"
)

func TestRedeem(t *testing.T) {
	t.Parallel()
	const invalid = "INVITE_CODE_INVALID input.inviteCode"

	t.Run("the inviter is remembered, and counts who came", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, invite.Options{})
		ada := h.person("ada")
		made := h.code(ada, 2, 1)
		bob, err := h.join("bob", strings.ToUpper(strings.ReplaceAll(made.Code, "-", " ")))
		if err != nil || h.invitedBy(bob.Viewer.Account()) != ada {
			t.Fatalf("got %v, %v", bob, err)
		}
		if n, err := h.invites.ReferralCount(h.as(ada)); err != nil || n != 1 {
			t.Errorf("counted %d, %v", n, err)
		}
		if n, err := h.invites.ReferralCount(h.as(bob.Viewer.Account())); err != nil || n != 0 {
			t.Errorf("he counted %d, %v", n, err)
		}
		if eve, err := h.join("eve", ""); err != nil || h.invitedBy(eve.Viewer.Account()) != uuid.Nil {
			t.Errorf("without a code: got %v, %v", eve, err)
		}
		if _, err := h.join("carol", made.Code); err != nil {
			t.Error(err)
		}
		if _, err := h.join("dan", made.Code); refused(err) != invalid {
			t.Errorf("the third: got %v", err)
		}
	})
	t.Run("of twenty at once on the last use one gets in, over two nodes", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, invite.Options{IsInviteOnly: true})
		other := onDatabase(t, h.url, h.clock, invite.Options{IsInviteOnly: true})
		ada := h.person("ada")
		made := h.code(ada, 2, 1)
		if _, err := h.join("first", made.Code); err != nil {
			t.Fatal(err)
		}
		results := make([]error, 20)
		var wait sync.WaitGroup
		for i := range results {
			wait.Go(func() {
				at := []*house{h, other}[i%2]
				_, results[i] = at.join(fmt.Sprintf("person%d", i), made.Code)
			})
		}
		wait.Wait()
		in := 0
		for _, err := range results {
			switch refused(err) {
			case invalid:
			case "":
				in++
				if err != nil {
					t.Error(err)
				}
			default:
				t.Errorf("got %v", err)
			}
		}
		row, err := h.db.Ent.InviteCode.Get(h.system(), made.Row.ID)
		if err != nil || in != 1 || row.UseCount != 2 {
			t.Errorf("%d got in, and the code counts %d uses, %v", in, row.UseCount, err)
		}
		if n, err := h.invites.ReferralCount(h.as(ada)); err != nil || n != 2 {
			t.Errorf("%d have come, %v", n, err)
		}
	})
	t.Run("a repeated registration uses a code up once, also many at once", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, invite.Options{IsInviteOnly: true})
		made := h.code(h.person("ada"), 1, 1)
		in := account.RegisterInput{
			Username: "bob", Email: "bob@example.com", Password: "correct horse battery", InviteCode: &made.Code, IdempotencyKey: new("once"),
		}
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				if _, err := h.accounts.Register(t.Context(), in); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if _, err := h.accounts.Register(t.Context(), in); err != nil {
			t.Errorf("afterwards: %v", err)
		}
		if row, err := h.db.Ent.InviteCode.Get(h.system(), made.Row.ID); err != nil || row.UseCount != 1 {
			t.Errorf("it counts %d uses, %v", row.UseCount, err)
		}
	})
	t.Run("a registration that is refused uses nothing up", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, invite.Options{})
		made := h.code(h.person("ada"), 1, 1)
		for _, name := range []string{"ada", "x"} {
			if _, err := h.join(name, made.Code); err == nil || refused(err) == invalid {
				t.Errorf("%s: got %v", name, err)
			}
		}
		// Twenty who want the same name: one has it, and the others leave the code as it was.
		many := h.code(h.person("grace"), 20, 1)
		var wait sync.WaitGroup
		for range 20 {
			wait.Go(func() {
				if _, err := h.join("wanted", many.Code); err != nil && refused(err) != "USERNAME_TAKEN input.username" {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		for of, want := range map[uuid.UUID]int{made.Row.ID: 0, many.Row.ID: 1} {
			if row, err := h.db.Ent.InviteCode.Get(h.system(), of); err != nil || row.UseCount != want {
				t.Errorf("it counts %d uses and not %d, %v", row.UseCount, want, err)
			}
		}
	})
	t.Run("codes of whoever is banned let nobody in, until they are unbanned", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, invite.Options{})
		made := h.code(h.person("ada"), 5, 1)
		operator := viewer.AsOperator(t.Context())
		row, err := h.accounts.Find(operator, "ada")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.accounts.Ban(operator, account.BanAccountInput{AccountID: row.GlobalID(), Reason: "spam"}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.join("bob", made.Code); refused(err) != invalid {
			t.Errorf("got %v", err)
		}
		if p, err := h.invites.Preview(t.Context(), made.Code); p != nil || err != nil {
			t.Errorf("the preview is %v, %v", p, err)
		}
		if _, err := h.accounts.Unban(operator, account.UnbanAccountInput{AccountID: row.GlobalID()}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.join("bob", made.Code); err != nil {
			t.Error(err)
		}
	})
	t.Run("whatever is wrong with a code, the answer is the same", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, invite.Options{})
		ada := h.person("ada")
		old, used := h.code(ada, 1, 1), h.code(ada, 1, 90)
		if _, err := h.join("bob", used.Code); err != nil {
			t.Fatal(err)
		}
		h.clock.Add(24 * time.Hour)
		var said []string
		for what, code := range map[string]string{
			"expired": old.Code, "used up": used.Code, "made up": "0000-1111-2222-3333-4444", "no code": "x", "a bad byte": "\x00\xff",
			"very long": strings.Repeat("a", 1<<16),
		} {
			_, err := h.join("carol", code)
			if refused(err) != invalid {
				t.Errorf("%s: got %v", what, err)
				continue
			}
			said = append(said, err.Error())
			if p, err := h.invites.Preview(t.Context(), code); p != nil || err != nil {
				t.Errorf("%s: the preview is %v, %v", what, p, err)
			}
		}
		for _, text := range said {
			if text != said[0] {
				t.Errorf("told apart: %v", said)
			}
		}
	})
}

func TestInviteOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t, invite.Options{IsInviteOnly: true})
	for _, code := range []string{"", " "} {
		if _, err := h.join("bob", code); refused(err) != "INVITE_CODE_REQUIRED input.inviteCode" {
			t.Errorf("%q: got %v", code, err)
		}
	}
	if _, err := h.join("bob", "0000-1111-2222-3333-4444"); refused(err) != "INVITE_CODE_INVALID input.inviteCode" {
		t.Errorf("a code that is none: got %v", err)
	}
	t.Run("the operator lets in whom they like", func(t *testing.T) {
		in := account.RegisterInput{Username: "demo", Email: "demo@example.com", Password: "correct horse battery"}
		if _, err := h.accounts.Register(viewer.AsOperator(t.Context()), in); err != nil {
			t.Error(err)
		}
	})
}
