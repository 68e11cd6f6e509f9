package messaging_test

import (
	"testing"
	"time"

	"github.com/convenehq/convene/internal/messaging"
)

func TestAVisitNeverGoesBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.person("ada")
	c, err := h.messaging.Open(t.Context(), "one", ada)
	if err != nil {
		t.Fatal(err)
	}
	// A node whose clock is ahead has noted one.
	ahead := time.Now().Add(time.Minute).Truncate(time.Microsecond)
	if _, err := h.db.SQL.ExecContext(t.Context(), "UPDATE conversation_members SET last_visit_at = $1", ahead); err != nil {
		t.Fatal(err)
	}
	if _, err := h.messaging.Visit(h.as(ada), messaging.VisitConversationInput{ConversationID: c.GlobalID()}); err != nil {
		t.Fatal(err)
	}
	var at time.Time
	if err := h.db.SQL.QueryRowContext(t.Context(), "SELECT last_visit_at FROM conversation_members").Scan(&at); err != nil {
		t.Fatal(err)
	}
	if !at.Equal(ahead) {
		t.Errorf("the visit went from %v to %v", ahead, at)
	}
}
