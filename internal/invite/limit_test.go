package invite_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/convenehq/convene/internal/invite"
)

func TestLimit(t *testing.T) {
	t.Parallel()
	t.Run("of many at once, as many are made as one may in a day, on several nodes and after a restart", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, invite.Options{PerDay: 4})
		other := onDatabase(t, h.url, h.clock, invite.Options{PerDay: 4})
		ada, bob := h.person("ada"), h.person("bob")
		in := invite.CreateInviteCodeInput{MaxUses: 1, ValidForDays: 1}
		results := make([]error, 12)
		var wait sync.WaitGroup
		for i := range results {
			wait.Go(func() {
				if i%2 == 0 {
					_, results[i] = h.invites.CreateCode(h.as(ada), in)
					return
				}
				_, results[i] = other.invites.CreateCode(other.as(ada), in)
			})
		}
		wait.Wait()
		made := 0
		for _, err := range results {
			switch refused(err) {
			case "INVITE_LIMIT":
			case "":
				made++
			default:
				t.Errorf("got %v", err)
			}
		}
		if made != 4 {
			t.Errorf("%d were made", made)
		}
		again := onDatabase(t, h.url, h.clock, invite.Options{PerDay: 4})
		if _, err := again.invites.CreateCode(again.as(ada), in); refused(err) != "INVITE_LIMIT" {
			t.Errorf("after a restart: got %v", err)
		}
		if _, err := again.invites.ByEmail(again.as(ada), invite.InviteByEmailInput{Email: "x@example.org", ValidForDays: 1}); refused(err) != "INVITE_LIMIT" {
			t.Errorf("by mail instead: got %v", err)
		}
		h.code(bob, 1, 1)
		h.clock.Add(24*time.Hour + time.Second)
		h.code(ada, 1, 1)
	})
	t.Run("taking back makes no room", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, invite.Options{PerDay: 1})
		ada := h.person("ada")
		if _, err := h.invites.RevokeCode(h.as(ada), invite.RevokeInviteCodeInput{InviteCodeID: h.code(ada, 1, 1).Row.GlobalID()}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.invites.CreateCode(h.as(ada), invite.CreateInviteCodeInput{MaxUses: 1, ValidForDays: 1}); refused(err) != "INVITE_LIMIT" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("whoever has proved no address has fewer invites mailed", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, invite.Options{})
		ada := h.person("ada")
		mail := func(i int) error {
			_, err := h.invites.ByEmail(h.as(ada), invite.InviteByEmailInput{Email: fmt.Sprintf("%d@example.org", i), ValidForDays: 1})
			return err
		}
		for i := range 3 {
			if err := mail(i); err != nil {
				t.Fatal(err)
			}
		}
		if err := mail(3); refused(err) != "INVITE_LIMIT" {
			t.Errorf("the fourth: got %v", err)
		}
		if err := mail(1); err != nil {
			t.Errorf("the second again: got %v", err)
		}
		h.exec("UPDATE accounts SET email_verified_at = now() WHERE id = $1", ada)
		if err := mail(4); err != nil {
			t.Errorf("with an address proved: got %v", err)
		}
	})
}
