package profile_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/privacy"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/profile"
	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/testkit/node"
	"github.com/convenehq/convene/internal/viewer"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// bench is a database of one's own with the slice on it.
type bench struct {
	db       *db.DB
	profiles *profile.Service
}

func setup(t *testing.T) bench {
	t.Helper()
	d := testkit.DB(t)
	return bench{db: d, profiles: profile.New(d, node.Facts(d))}
}

// person makes an account with its profile and returns a context in which they ask.
func (b bench) person(t *testing.T, username string) (context.Context, uuid.UUID) {
	t.Helper()
	id := uuid.Must(uuid.NewV7())
	ctx := viewer.AsSystem(t.Context(), "test")
	err := b.db.Tx(ctx, func(tx *ent.Tx) error {
		err := tx.Account.Create().SetID(id).SetUsername(username).SetEmail(username + "@example.com").
			SetEmailClaimedAt(time.Now()).SetPasswordHash("none").Exec(ctx)
		if err != nil {
			return err
		}
		return b.profiles.Create(ctx, tx, id, username, "Name of "+username)
	})
	if err != nil {
		t.Fatal(err)
	}
	return viewer.With(t.Context(), viewer.OfPerson(id, uuid.Must(uuid.NewV7()))), id
}

func (b bench) block(t *testing.T, from, to uuid.UUID) {
	t.Helper()
	ctx := viewer.AsSystem(t.Context(), "test")
	if err := b.db.Ent.Block.Create().SetBlockerID(from).SetBlockedID(to).Exec(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestCheckDisplayName(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"a plain name":                 {"Ada", "Ada"},
		"blanks around it":             {"  Ada Lovelace\t", "Ada Lovelace"},
		"fifty characters":             {strings.Repeat("ä", 50), strings.Repeat("ä", 50)},
		"fifty emoji":                  {strings.Repeat("🦊", 50), strings.Repeat("🦊", 50)},
		"an emoji made with a joiner":  {"👩\u200d💻", "👩\u200d💻"},
		"a single dot":                 {".", "."},
		"nothing":                      {"", ""},
		"blanks only":                  {" \u00a0\u3000", ""},
		"fifty-one characters":         {strings.Repeat("a", 51), ""},
		"a line break":                 {"Ada\nLovelace", ""},
		"a NUL":                        {"Ada\x00", ""},
		"a C1 control character":       {"Ada\u0085B", ""},
		"an escape sequence":           {"\x1b[31mAda", ""},
		"a line separator":             {"Ada\u2028B", ""},
		"a turn of writing":            {"Ada\u202egnp.exe", ""},
		"invisible characters only":    {"\u200b\u200d\u2060", ""},
		"letters that look like none":  {"\u3164\u115f", ""},
		"bytes that are not UTF-8":     {"Ada\xff", ""},
		"a soft hyphen and nothing":    {"\u00ad", ""},
		"a combining mark and nothing": {"\u0301", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, problem := profile.CheckDisplayName(c.in)
			if got != c.want || (problem == "") != (c.want != "") {
				t.Errorf("got %q and %q, want %q", got, problem, c.want)
			}
		})
	}
}

func TestByUsername(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada, adaID := b.person(t, "ada")
	_, bobID := b.person(t, "bob")
	carol, carolID := b.person(t, "carol")
	b.block(t, carolID, bobID)
	find := func(t *testing.T, ctx context.Context, username string) *ent.Profile {
		t.Helper()
		row, err := b.profiles.ByUsername(ctx, username)
		if err != nil {
			t.Fatal(err)
		}
		return row
	}
	t.Run("finds a person, with @ and capitals or without", func(t *testing.T) {
		t.Parallel()
		for _, username := range []string{"bob", "@bob", "BOB", "@Bob", " @bob "} {
			if row := find(t, ada, username); row == nil || row.ID != bobID || row.DisplayName != "Name of bob" {
				t.Errorf("%q: got %v", username, row)
			}
		}
	})
	t.Run("finds oneself", func(t *testing.T) {
		t.Parallel()
		if row := find(t, ada, "ada"); row == nil || row.ID != adaID {
			t.Errorf("got %v", row)
		}
	})
	t.Run("finds nobody who does not exist", func(t *testing.T) {
		t.Parallel()
		for _, username := range []string{"", "@", "@@bob", "dave", "%", "bo_", strings.Repeat("a", 5000)} {
			if row := find(t, ada, username); row != nil {
				t.Errorf("%q: got %v", username, row)
			}
		}
	})
	t.Run("tells neither side of a block about the other", func(t *testing.T) {
		t.Parallel()
		if row := find(t, carol, "bob"); row != nil {
			t.Errorf("whoever blocks sees %v", row)
		}
		bob := viewer.With(t.Context(), viewer.OfPerson(bobID, uuid.New()))
		if row := find(t, bob, "carol"); row != nil {
			t.Errorf("whoever is blocked sees %v", row)
		}
	})
	t.Run("tells the signed-out and an audience nothing", func(t *testing.T) {
		t.Parallel()
		if row := find(t, t.Context(), "ada"); row != nil {
			t.Errorf("the signed-out see %v", row)
		}
		if row := find(t, viewer.With(t.Context(), viewer.OfAudience(uuid.New(), false)), "ada"); row != nil {
			t.Errorf("an audience sees %v", row)
		}
	})
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, adaID := b.person(t, "ada")
	bob, bobID := b.person(t, "bob")
	t.Run("nobody who is not signed in reads or writes profiles", func(t *testing.T) {
		t.Parallel()
		if _, err := b.db.Ent.Profile.Query().All(t.Context()); !errors.Is(err, privacy.Deny) {
			t.Errorf("reading: got %v, want a denial", err)
		}
		if err := b.db.Ent.Profile.Update().SetDisplayName("x").Exec(t.Context()); !errors.Is(err, privacy.Deny) {
			t.Errorf("writing: got %v, want a denial", err)
		}
	})
	t.Run("a person writes nobody else's profile and makes none", func(t *testing.T) {
		t.Parallel()
		n, err := b.db.Ent.Profile.Update().Where().SetVersion(1).Save(bob)
		if err != nil || n != 1 {
			t.Errorf("an update of all wrote %d rows, %v, want one's own only", n, err)
		}
		if err := b.db.Ent.Profile.UpdateOneID(adaID).SetDisplayName("x").Exec(bob); !ent.IsNotFound(err) {
			t.Errorf("another's: got %v, want not found", err)
		}
		err = b.db.Ent.Profile.Create().SetID(bobID).SetUsername("x").SetDisplayName("x").Exec(bob)
		if !errors.Is(err, privacy.Deny) {
			t.Errorf("making one: got %v, want a denial", err)
		}
	})
}

func TestByIDs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada, adaID := b.person(t, "ada")
	_, bobID := b.person(t, "bob")
	_, carolID := b.person(t, "carol")
	b.block(t, carolID, adaID)
	t.Run("answers those that the viewer may see, in one statement", func(t *testing.T) {
		t.Parallel()
		ctx, statements := db.CountStatements(ada)
		got, err := b.profiles.ByIDs(ctx, []uuid.UUID{adaID, bobID, carolID, uuid.New()})
		if err != nil || len(got) != 2 || got[adaID] == nil || got[bobID] == nil {
			t.Errorf("got %v, %v", got, err)
		}
		if n := statements.Load(); n != 1 {
			t.Errorf("took %d statements", n)
		}
	})
	t.Run("answers the signed-out nothing", func(t *testing.T) {
		t.Parallel()
		if got, err := b.profiles.ByIDs(t.Context(), []uuid.UUID{adaID}); err != nil || len(got) != 0 {
			t.Errorf("got %v, %v", got, err)
		}
	})
}

func TestCards(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada, adaID := b.person(t, "ada")
	_, bobID := b.person(t, "bob")
	_, carolID := b.person(t, "carol")
	b.block(t, carolID, adaID)
	ids := []uuid.UUID{adaID, bobID, carolID, uuid.New()}
	t.Run("are the same for every viewer, in one statement", func(t *testing.T) {
		t.Parallel()
		for name, v := range map[string]viewer.Viewer{
			"a person": viewer.From(ada), "an audience": viewer.OfAudience(uuid.New(), false), "nobody": {},
		} {
			ctx, statements := db.CountStatements(viewer.With(t.Context(), v))
			got, err := b.profiles.Cards(ctx, ids)
			if err != nil || len(got) != 3 {
				t.Fatalf("%s: got %v, %v", name, got, err)
			}
			if c := got[carolID]; c.Row != carolID || c.Username != "carol" || c.DisplayName != "Name of carol" {
				t.Errorf("%s: got %+v", name, c)
			}
			if n := statements.Load(); n != 1 {
				t.Errorf("%s: took %d statements", name, n)
			}
		}
	})
	t.Run("lead to the profiles that the viewer may see, in one statement for all", func(t *testing.T) {
		t.Parallel()
		cards, err := b.profiles.Cards(ada, ids)
		if err != nil {
			t.Fatal(err)
		}
		ctx, statements := db.CountStatements(ada)
		for id, visible := range map[uuid.UUID]bool{adaID: true, bobID: true, carolID: false} {
			row, err := b.profiles.OfCard(ctx, cards[id])
			if err != nil || (row != nil) != visible {
				t.Errorf("%s: got %v, %v", cards[id].Username, row, err)
			}
		}
		if n := statements.Load(); n != 1 {
			t.Errorf("took %d statements", n)
		}
	})
	t.Run("that are shown to another viewer again lead to what that one may see", func(t *testing.T) {
		t.Parallel()
		cards, err := b.profiles.Cards(ada, ids)
		if err != nil {
			t.Fatal(err)
		}
		if row, err := b.profiles.OfCard(ada, cards[carolID]); row != nil || err != nil {
			t.Fatalf("ada sees %v, %v", row, err)
		}
		bob := viewer.With(t.Context(), viewer.OfPerson(bobID, uuid.New()))
		if row, err := b.profiles.OfCard(bob, cards[carolID]); row == nil || err != nil {
			t.Errorf("bob sees %v, %v", row, err)
		}
	})
	t.Run("lead somewhere also alone", func(t *testing.T) {
		t.Parallel()
		row, err := b.profiles.OfCard(ada, &profile.ProfileCard{Row: bobID})
		if err != nil || row == nil || row.ID != bobID {
			t.Errorf("got %v, %v", row, err)
		}
	})
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	name := func(s string) profile.UpdateProfileInput { return profile.UpdateProfileInput{DisplayName: &s} }
	at := func(in profile.UpdateProfileInput, version int) profile.UpdateProfileInput {
		in.ExpectedVersion = &version
		return in
	}
	refusal := func(err error) profile.ProfileErrorCode {
		var refusal *profile.ProfileUserError
		if errors.As(err, &refusal) {
			return refusal.Code
		}
		return ""
	}
	t.Run("changes the name and counts", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ada, id := b.person(t, "ada")
		row, err := b.profiles.Update(ada, at(name("  Ada L. "), 1))
		if err != nil || row.ID != id || row.DisplayName != "Ada L." || row.Version != 2 || row.Username != "ada" {
			t.Fatalf("got %v, %v", row, err)
		}
		row, err = b.profiles.Update(ada, name("Ada"))
		if err != nil || row.Version != 3 {
			t.Errorf("without a version: got %v, %v", row, err)
		}
		if mine, err := b.profiles.Mine(ada); err != nil || mine.DisplayName != "Ada" || mine.Version != 3 {
			t.Errorf("read again: got %v, %v", mine, err)
		}
	})
	t.Run("answers a stale edit with the profile as it is now", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ada, _ := b.person(t, "ada")
		if _, err := b.profiles.Update(ada, name("First")); err != nil {
			t.Fatal(err)
		}
		for what, in := range map[string]profile.UpdateProfileInput{"a change": name("Second"), "no change": {}} {
			for _, version := range []int{1, 3, 0, -1} {
				row, err := b.profiles.Update(ada, at(in, version))
				if refusal(err) != profile.CodeConflict || row == nil || row.DisplayName != "First" || row.Version != 2 {
					t.Errorf("%s at %d: got %v, %v", what, version, row, err)
				}
			}
		}
	})
	t.Run("leaves everything as it is if nothing is given", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ada, _ := b.person(t, "ada")
		row, err := b.profiles.Update(ada, at(profile.UpdateProfileInput{}, 1))
		if err != nil || row.Version != 1 || row.DisplayName != "Name of ada" {
			t.Errorf("got %v, %v", row, err)
		}
	})
	t.Run("takes one of many edits of the same version", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ada, _ := b.person(t, "ada")
		var wg sync.WaitGroup
		answers := make([]error, 10)
		for i := range answers {
			wg.Go(func() { _, answers[i] = b.profiles.Update(ada, at(name("New"), 1)) })
		}
		wg.Wait()
		taken := 0
		for _, err := range answers {
			if err == nil {
				taken++
			} else if refusal(err) != profile.CodeConflict {
				t.Errorf("got %v", err)
			}
		}
		if taken != 1 {
			t.Errorf("%d edits were taken", taken)
		}
	})
	t.Run("refuses a name that can't be shown and names the field", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ada, _ := b.person(t, "ada")
		_, err := b.profiles.Update(ada, name("\u200b"))
		var refused *profile.ProfileUserError
		if !errors.As(err, &refused) || refused.Code != profile.CodeDisplayNameInvalid ||
			strings.Join(refused.Field, ".") != "input.displayName" || refused.Message == "" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("takes fifty characters of four bytes", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ada, _ := b.person(t, "ada")
		want := strings.Repeat("🦊", 50)
		if row, err := b.profiles.Update(ada, name(want)); err != nil || row.DisplayName != want {
			t.Errorf("got %v, %v", row, err)
		}
	})
	t.Run("asks the signed-out to sign in", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		var refused *fault.Error
		if _, err := b.profiles.Update(t.Context(), name("x")); !errors.As(err, &refused) || refused.Code != fault.CodeUnauthenticated {
			t.Errorf("update: got %v", err)
		}
		if _, err := b.profiles.Mine(t.Context()); !errors.As(err, &refused) || refused.Code != fault.CodeUnauthenticated {
			t.Errorf("mine: got %v", err)
		}
	})
}
