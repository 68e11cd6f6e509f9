package testkit

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/viewer"
)

// Person makes an account and its profile without a password, and so without the time that hashing one
// takes. Its display name is "Name of" and the username.
func Person(t testing.TB, d *db.DB, username string) uuid.UUID {
	t.Helper()
	id := uuid.Must(uuid.NewV7())
	ctx := viewer.AsSystem(t.Context(), "a person of a test")
	err := d.Tx(ctx, func(tx *ent.Tx) error {
		err := tx.Account.Create().SetID(id).SetUsername(username).SetEmail(username + "@example.com").
			SetEmailClaimedAt(time.Now()).SetPasswordHash("none").Exec(ctx)
		if err != nil {
			return err
		}
		return tx.Profile.Create().SetID(id).SetUsername(username).SetDisplayName("Name of " + username).Exec(ctx)
	})
	if err != nil {
		t.Fatalf("make %s: %v", username, err)
	}
	return id
}

// As is the context of a test, asked by a person.
func As(t testing.TB, account uuid.UUID) context.Context {
	t.Helper()
	return viewer.With(t.Context(), viewer.OfPerson(account, uuid.Nil))
}
