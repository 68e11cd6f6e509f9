package messaging_test

import (
	"testing"
	"time"

	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/messaging"
)

func TestCurtainsHoldLive(t *testing.T) {
	t.Parallel()
	here, there := twoNodes(t, true, time.Hour)
	ada, bob, cy := here.person("ada"), here.person("bob"), here.person("cy")
	c, err := here.messaging.Open(t.Context(), "the three", ada, bob, cy)
	if err != nil {
		t.Fatal(err)
	}
	start := there.hub.Cursor(live.Key{Kind: messaging.StreamKind, ID: c.ID}, 0).String()
	l := there.listen(ada, c.ID, nil)
	here.send(bob, in(c.ID, "before"))
	here.block(ada, bob)
	here.send(bob, in(c.ID, "behind"))
	here.send(cy, in(c.ID, "from cy"))
	here.unblock(ada, bob)
	here.send(bob, in(c.ID, "after"))
	l.want("sent:before", "sent:from cy", "sent:after")
	there.listen(ada, c.ID, &start).want("sent:before", "sent:from cy", "sent:after")
	there.listen(cy, c.ID, &start).want("sent:before", "sent:behind", "sent:from cy", "sent:after")

	// What becomes of a message behind a curtain stays behind it.
	page, err := here.messaging.Messages(here.as(bob), c, 100, nil, messaging.OldestFirst)
	if err != nil {
		t.Fatal(err)
	}
	behind := page.Nodes()[1]
	if _, err := here.messaging.Edit(here.as(bob), messaging.EditMessageInput{MessageID: behind.GlobalID(), Body: "behind, edited"}); err != nil {
		t.Fatal(err)
	}
	here.send(cy, in(c.ID, "meanwhile"))
	l.want("sent:meanwhile")

	// A curtain that hangs now is not lifted by a replay that passes an older one's end.
	here.block(bob, ada)
	here.send(bob, in(c.ID, "behind again"))
	here.send(cy, in(c.ID, "last"))
	there.listen(ada, c.ID, &start).want("sent:before", "sent:from cy", "sent:after", "sent:meanwhile", "sent:last")
}
