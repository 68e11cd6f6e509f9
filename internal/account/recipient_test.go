package account_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/mail"
	"github.com/convenehq/convene/internal/viewer"
)

func TestRecipient(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.register(t, "ada").Viewer.Account()
	is := func(account uuid.UUID, want mail.Recipient) {
		t.Helper()
		if got, err := b.accounts.Recipient(t.Context(), account); err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
	whole := mail.Recipient{Name: "ada", Address: "ada@example.com"}
	is(id, whole)
	is(uuid.Must(uuid.NewV7()), mail.Recipient{})
	// The address may be somebody else's by then.
	b.clock.Add(7*24*time.Hour + time.Minute)
	is(id, mail.Recipient{Name: "ada"})
	ctx := viewer.AsSystem(t.Context(), "a test")
	if err := b.db.Ent.Account.UpdateOneID(id).SetEmailVerifiedAt(b.clock.Now()).Exec(ctx); err != nil {
		t.Fatal(err)
	}
	is(id, whole)
}
