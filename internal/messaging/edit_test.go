package messaging_test

import (
	"testing"
	"time"

	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/messaging"
	"github.com/convenehq/convene/internal/testkit"
)

// What has been committed has happened, whatever goes wrong afterwards.
func TestAChangeThatCanNotBeAnnounced(t *testing.T) {
	t.Parallel()
	h := houseOn(t, testkit.DB(t), live.Options{Sweep: 50 * time.Millisecond})
	ada, bob := h.person("ada"), h.person("bob")
	m := h.send(ada, to(bob, "zero"))
	l := h.listen(bob, m.ConversationID, nil)
	rename := func(from, to string) {
		t.Helper()
		if _, err := h.db.SQL.ExecContext(t.Context(), "ALTER TABLE profiles RENAME COLUMN "+from+" TO "+to); err != nil {
			t.Fatal(err)
		}
	}
	rename("display_name", "away") // nobody's card can be read
	_, err := h.messaging.Edit(h.as(ada), messaging.EditMessageInput{MessageID: m.GlobalID(), Body: "one"})
	rename("away", "display_name")
	if err != nil {
		t.Fatalf("the edit is on disk, and said to have failed: %v", err)
	}
	l.want("edited:one")
}
