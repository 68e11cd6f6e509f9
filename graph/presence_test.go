package graph_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/viewer"
)

// online is the names of those whom somebody sees online in a conversation; "unknown" for null.
func (a *api) online(t *testing.T, who viewer.Viewer, conversation string) string {
	t.Helper()
	got := at(t, a.ok(t, who, onlineMembers, vars{"id": conversation, "first": 50}), "conversation", "onlineMembers")
	if got == nil {
		return "unknown"
	}
	names := []any{}
	for _, one := range got.([]any) {
		names = append(names, at(t, one, "username"))
	}
	return fmt.Sprint(names)
}

// sees waits until somebody sees just these online.
func (a *api) sees(t *testing.T, who viewer.Viewer, conversation, want string) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); ; {
		got := a.online(t, who, conversation)
		if got == want {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("one sees %s, want %s", got, want)
		}
		<-time.After(5 * time.Millisecond)
	}
}

func TestPresence(t *testing.T) {
	t.Parallel()
	here, there := pair(t)

	t.Run("the others are told who is there when they begin, and who comes", func(t *testing.T) {
		t.Parallel()
		ada, bob, cy := here.person(t, "ada"), here.person(t, "bob"), here.person(t, "cyd")
		id := here.circle(t, ada, bob, cy)
		there.sees(t, ada, id, "[]")
		there.Presence.Enter(bob.Account())
		there.sees(t, ada, id, "[bob]")
		here.sees(t, ada, id, "[bob]")
		adas := here.watch(t, ada, signals, vars{"id": id})
		adas.wants(t, "PresenceChanged bob true")
		there.Presence.Enter(cy.Account())
		adas.wants(t, "PresenceChanged cyd true")
		here.Presence.Enter(cy.Account()) // a second device is no news, and neither is oneself
		here.Presence.Enter(ada.Account())
		here.sees(t, bob, id, "[ada cyd]")
		here.send(t, bob, vars{"conversationId": id, "body": "and then"})
		adas.wants(t, "MessageSent and then")
		// Behind a cursor one is told as from the beginning.
		_, c := here.send(t, bob, vars{"conversationId": id, "body": "later"})
		adas.wants(t, "MessageSent later")
		again := there.watch(t, ada, signals, vars{"id": id, "after": at(t, here.ok(t, ada, `query ($id: ID!) { conversation(id: $id) { cursor } }`, vars{"id": c["id"]}), "conversation", "cursor")})
		again.wants(t, "PresenceChanged bob true", "PresenceChanged cyd true")
	})
	t.Run("a block hides it both ways, in what is asked and what is told", func(t *testing.T) {
		t.Parallel()
		dan, eve, fay := here.person(t, "dan"), here.person(t, "eve"), here.person(t, "fay")
		_, direct := here.send(t, dan, vars{"recipientId": profileID(eve), "body": "hello"})
		here.send(t, eve, vars{"recipientId": profileID(dan), "body": "hello"})
		circle, two := here.circle(t, dan, eve, fay), direct["id"].(string)
		dans, eves, fays := here.watch(t, dan, signals, vars{"id": circle}), here.watch(t, eve, signals, vars{"id": circle}), here.watch(t, fay, signals, vars{"id": circle})
		alone := here.watch(t, dan, signals, vars{"id": two})
		here.ok(t, eve, block, vars{"input": vars{"profileId": profileID(dan)}})
		here.Presence.Enter(dan.Account())
		fays.wants(t, "PresenceChanged dan true")
		here.Presence.Enter(eve.Account())
		fays.wants(t, "PresenceChanged eve true")
		here.sees(t, fay, circle, "[dan eve]")
		for _, id := range []string{circle, two} {
			for _, who := range []viewer.Viewer{dan, eve} {
				if got := here.online(t, who, id); got != "[]" {
					t.Errorf("one sees %s", got)
				}
			}
		}
		// Who begins anew is not told either.
		anew := here.watch(t, dan, signals, vars{"id": circle})
		here.Presence.Enter(fay.Account())
		dans.wants(t, "PresenceChanged fay true")
		eves.wants(t, "PresenceChanged fay true")
		anew.wants(t, "PresenceChanged fay true")
		here.ok(t, eve, unblock, vars{"input": vars{"profileId": profileID(dan)}})
		here.sees(t, dan, circle, "[eve fay]")
		// To the two the other is as if they had come, and with the next block as if they had gone.
		for _, dans := range []*subscriber{dans, anew, alone} {
			dans.wants(t, "PresenceChanged eve true")
		}
		eves.wants(t, "PresenceChanged dan true")
		here.ok(t, dan, block, vars{"input": vars{"profileId": profileID(eve)}})
		for _, dans := range []*subscriber{dans, anew, alone} {
			dans.wants(t, "PresenceChanged eve false")
		}
		eves.wants(t, "PresenceChanged dan false")
		here.types(t, eve, circle)
		fays.wants(t, "Typing eve")
		here.send(t, eve, vars{"conversationId": circle, "body": "to fay"})
		here.types(t, fay, circle)
		fays.wants(t, "MessageSent to fay")
		dans.wants(t, "Typing fay")
	})
	t.Run("strangers and those who are in nothing together are told nothing", func(t *testing.T) {
		t.Parallel()
		gus, hal, ida := here.person(t, "gus"), here.person(t, "hal"), here.person(t, "ida")
		id := here.circle(t, gus, hal)
		here.Presence.Enter(hal.Account())
		if got := at(t, here.ok(t, ida, onlineMembers, vars{"id": id, "first": 5}), "conversation"); got != nil {
			t.Errorf("a stranger gets %v", got)
		}
		if code := here.do(t.Context(), t, gus, onlineMembers, vars{"id": id, "first": 101}).code(t); code != "BAD_REQUEST" {
			t.Errorf("101 get %s", code)
		}
	})
	t.Run("who writes to a stranger is told nothing until they answer, not even of a block", func(t *testing.T) {
		t.Parallel()
		lea, mia := here.person(t, "lea"), here.person(t, "mia")
		_, direct := here.send(t, lea, vars{"recipientId": profileID(mia), "body": "who are you?"})
		id := direct["id"].(string)
		here.Presence.Enter(lea.Account())
		here.Presence.Enter(mia.Account())
		here.sees(t, mia, id, "[lea]")
		leas, mias := here.watch(t, lea, signals, vars{"id": id}), here.watch(t, mia, signals, vars{"id": id})
		mias.wants(t, "PresenceChanged lea true")
		here.ok(t, mia, block, vars{"input": vars{"profileId": profileID(lea)}})
		mias.wants(t, "PresenceChanged lea false")
		here.ok(t, mia, unblock, vars{"input": vars{"profileId": profileID(lea)}})
		mias.wants(t, "PresenceChanged lea true")
		if got := here.online(t, lea, id); got != "[]" {
			t.Errorf("one sees %s", got)
		}
		here.send(t, mia, vars{"recipientId": profileID(lea), "body": "somebody"})
		leas.wants(t, "MessageSent somebody") // and nothing before
		here.sees(t, lea, id, "[mia]")
		here.watch(t, lea, signals, vars{"id": id}).wants(t, "PresenceChanged mia true")
	})
	t.Run("in a conversation of more than fifty nobody is told", func(t *testing.T) {
		t.Parallel()
		var crowd []viewer.Viewer
		for i := range 51 {
			crowd = append(crowd, viewer.OfPerson(testkit.Person(t, here.db, fmt.Sprint("crowd", i)), uuid.New()))
		}
		large, small := here.circle(t, crowd...), here.circle(t, crowd[:50]...)
		in, out := here.watch(t, crowd[0], signals, vars{"id": small}), here.watch(t, crowd[0], signals, vars{"id": large})
		here.Presence.Enter(crowd[1].Account())
		in.wants(t, "PresenceChanged crowd1 true")
		here.sees(t, crowd[0], small, "[crowd1]")
		if got := here.online(t, crowd[0], large); got != "unknown" {
			t.Errorf("one sees %s", got)
		}
		here.send(t, crowd[1], vars{"conversationId": large, "body": "to all"})
		out.wants(t, "MessageSent to all")
	})
	t.Run("both executions give the same, byte for byte", func(t *testing.T) {
		t.Parallel()
		joe, kim := here.person(t, "joe"), here.person(t, "kim")
		id := here.circle(t, joe, kim)
		shared, stock := here.watch(t, joe, signals, vars{"id": id}), here.stock(t, joe, signals, vars{"id": id})
		here.Presence.Enter(kim.Account())
		if a, b := shared.next(t), stock.next(t); a != b || word(a) != "PresenceChanged kim true" {
			t.Errorf("shared %s\nstock  %s", a, b)
		}
	})
}

func TestPresenceWithoutRedis(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	client, err := live.OpenRedis("redis://" + server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	a := newNode(t, testkit.DB(t), live.Options{Redis: client})
	ada, bob := a.person(t, "ada"), a.person(t, "bob")
	id := a.circle(t, ada, bob)
	a.Presence.Enter(bob.Account())
	a.sees(t, ada, id, "[bob]")
	server.Close()
	a.sees(t, ada, id, "unknown")
	adas := a.watch(t, ada, signals, vars{"id": id})
	a.types(t, bob, id) // goes without
	adas.wants(t, "Typing bob")
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	adas.wants(t, "PresenceChanged bob true") // who begins meanwhile is told when it is known
	a.sees(t, ada, id, "[bob]")
}
