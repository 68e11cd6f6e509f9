package account_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/convenehq/convene/internal/account"
)

func TestRegister(t *testing.T) {
	t.Parallel()
	t.Run("makes an account with its profile and signs in at once", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in := input("  Ada.Lovelace ")
		in.Email = " Ada@Example.COM "
		got, err := b.accounts.Register(account.WithDevice(t.Context(), "Ada's\x00 phone"), in)
		if err != nil {
			t.Fatal(err)
		}
		mine, err := b.accounts.Mine(as(t, got))
		if err != nil || mine.Username != "ada.lovelace" || mine.Email != "ada@example.com" || account.IsEmailVerified(mine) {
			t.Errorf("the account is %v, %v", mine, err)
		}
		shown, err := b.profiles.Mine(as(t, got))
		if err != nil || shown.ID != mine.ID || shown.Username != "ada.lovelace" || shown.DisplayName != "ada.lovelace" {
			t.Errorf("the profile is %v, %v", shown, err)
		}
		if v, _, err := b.accounts.Authenticate(t.Context(), *got.Tokens.AccessToken); err != nil || v != got.Viewer {
			t.Errorf("the access token stands for %v, %v", v, err)
		}
		if _, err := b.accounts.Refresh(t.Context(), account.RefreshSessionInput{RefreshToken: *got.Tokens.RefreshToken}); err != nil {
			t.Errorf("the refresh token: %v", err)
		}
		if row := b.session(t, got.Viewer.Session()); row.DeviceLabel != "Ada's phone" || got.Cookie != "" {
			t.Errorf("the session is %v", row)
		}
	})
	t.Run("in cookie mode gives a cookie and no tokens", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in := input("ada")
		in.Cookie = true
		got, err := b.accounts.Register(t.Context(), in)
		if err != nil || got.Tokens.AccessToken != nil || got.Tokens.RefreshToken != nil || got.Cookie == "" {
			t.Fatalf("got %+v, %v", got, err)
		}
		if v, until, err := b.accounts.AuthenticateCookie(t.Context(), got.Cookie); err != nil || v != got.Viewer || !until.Equal(got.Tokens.ExpiresAt) {
			t.Errorf("the cookie stands for %v until %v, %v", v, until, err)
		}
	})
	t.Run("takes what is allowed", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for i, change := range []func(*account.RegisterInput){
			func(in *account.RegisterInput) { in.Username = "abc" },
			func(in *account.RegisterInput) { in.Username = strings.Repeat("a", 30) },
			func(in *account.RegisterInput) { in.Username = "a.b_c.9" },
			func(in *account.RegisterInput) { in.Username = "007" },
			func(in *account.RegisterInput) { in.Username = "administrator2" },
			func(in *account.RegisterInput) { in.Password = "gk4-vu8x" },
			func(in *account.RegisterInput) { in.Password = "äöüßéñçø" },
			func(in *account.RegisterInput) { in.Password = longPassword(256) },
			func(in *account.RegisterInput) { in.DisplayName = new(strings.Repeat("🦊", 50)) },
			func(in *account.RegisterInput) { in.Email = "a+b@mail.example.co.uk" },
			func(in *account.RegisterInput) { in.Email = "jürgen@exämple.de" },
			func(in *account.RegisterInput) { in.Email = longEmail(254) },
		} {
			in := input(fmt.Sprintf("person%d", i))
			change(&in)
			if _, err := b.accounts.Register(t.Context(), in); err != nil {
				t.Errorf("%+v: %v", in, err)
			}
		}
	})
	t.Run("refuses", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for name, c := range map[string]struct {
			change func(*account.RegisterInput)
			want   string
		}{
			"a short username":               {func(in *account.RegisterInput) { in.Username = "ab" }, "USERNAME_INVALID input.username"},
			"a long username":                {func(in *account.RegisterInput) { in.Username = strings.Repeat("a", 31) }, "USERNAME_INVALID input.username"},
			"an empty username":              {func(in *account.RegisterInput) { in.Username = "" }, "USERNAME_INVALID input.username"},
			"a username with a dot in front": {func(in *account.RegisterInput) { in.Username = ".abc" }, "USERNAME_INVALID input.username"},
			"a username with a dot behind":   {func(in *account.RegisterInput) { in.Username = "abc_" }, "USERNAME_INVALID input.username"},
			"a username with two dots":       {func(in *account.RegisterInput) { in.Username = "a..b" }, "USERNAME_INVALID input.username"},
			"a username with an umlaut":      {func(in *account.RegisterInput) { in.Username = "jürgen" }, "USERNAME_INVALID input.username"},
			"a username with a Kelvin sign":  {func(in *account.RegisterInput) { in.Username = "\u212aelvin" }, "USERNAME_INVALID input.username"},
			"a username with a Cyrillic a":   {func(in *account.RegisterInput) { in.Username = "\u0430dmin" }, "USERNAME_INVALID input.username"},
			"a username with a blank":        {func(in *account.RegisterInput) { in.Username = "a b c" }, "USERNAME_INVALID input.username"},
			"a username with a line break":   {func(in *account.RegisterInput) { in.Username = "abc\n" }, "USERNAME_INVALID input.username"},
			"a username with an @":           {func(in *account.RegisterInput) { in.Username = "a@b" }, "USERNAME_INVALID input.username"},
			"a reserved username":            {func(in *account.RegisterInput) { in.Username = "Admin" }, "USERNAME_TAKEN input.username"},
			"a reserved username in parts":   {func(in *account.RegisterInput) { in.Username = "con.ve_ne" }, "USERNAME_TAKEN input.username"},

			"no address":                       {func(in *account.RegisterInput) { in.Email = "" }, "EMAIL_INVALID input.email"},
			"an address without an @":          {func(in *account.RegisterInput) { in.Email = "ada.example.com" }, "EMAIL_INVALID input.email"},
			"an address with two":              {func(in *account.RegisterInput) { in.Email = "ada@b@example.com" }, "EMAIL_INVALID input.email"},
			"an address without a domain":      {func(in *account.RegisterInput) { in.Email = "ada@" }, "EMAIL_INVALID input.email"},
			"an address with half a domain":    {func(in *account.RegisterInput) { in.Email = "ada@localhost" }, "EMAIL_INVALID input.email"},
			"an address of a machine":          {func(in *account.RegisterInput) { in.Email = "ada@[127.0.0.1]" }, "EMAIL_INVALID input.email"},
			"an address with a name":           {func(in *account.RegisterInput) { in.Email = "Ada <ada@example.com>" }, "EMAIL_INVALID input.email"},
			"an address in brackets":           {func(in *account.RegisterInput) { in.Email = "<ada@example.com>" }, "EMAIL_INVALID input.email"},
			"an address with a comment":        {func(in *account.RegisterInput) { in.Email = "ada@example.com (Ada)" }, "EMAIL_INVALID input.email"},
			"an address in quotes":             {func(in *account.RegisterInput) { in.Email = `"ada b"@example.com` }, "EMAIL_INVALID input.email"},
			"two addresses":                    {func(in *account.RegisterInput) { in.Email = "ada@example.com,bob@example.com" }, "EMAIL_INVALID input.email"},
			"an address with another header":   {func(in *account.RegisterInput) { in.Email = "ada@example.com\r\nBcc: all@example.com" }, "EMAIL_INVALID input.email"},
			"an address with a line break":     {func(in *account.RegisterInput) { in.Email = "ada@example.com\n" }, "EMAIL_INVALID input.email"},
			"an address with an invisible":     {func(in *account.RegisterInput) { in.Email = "ada\u200b@example.com" }, "EMAIL_INVALID input.email"},
			"an address of 255 bytes":          {func(in *account.RegisterInput) { in.Email = longEmail(255) }, "EMAIL_INVALID input.email"},
			"an address with a long mailbox":   {func(in *account.RegisterInput) { in.Email = strings.Repeat("a", 65) + "@example.com" }, "EMAIL_INVALID input.email"},
			"a password of seven":              {func(in *account.RegisterInput) { in.Password = "1234567" }, "PASSWORD_INVALID input.password"},
			"a password of seven wide ones":    {func(in *account.RegisterInput) { in.Password = "äääääää" }, "PASSWORD_INVALID input.password"},
			"a password of 257 bytes":          {func(in *account.RegisterInput) { in.Password = longPassword(257) }, "PASSWORD_INVALID input.password"},
			"a password that many have":        {func(in *account.RegisterInput) { in.Password = "P@ssw0rd123!" }, "PASSWORD_BREACHED input.password"},
			"a row of keys":                    {func(in *account.RegisterInput) { in.Password = "asdfghjkl;" }, "PASSWORD_WEAK input.password"},
			"a password of the username":       {func(in *account.RegisterInput) { in.Username, in.Password = "lovelace", "lovelace-77" }, "PASSWORD_WEAK input.password"},
			"a password of the service's name": {func(in *account.RegisterInput) { in.Password = "at-convene!" }, "PASSWORD_WEAK input.password"},
			"a password like the username":     {func(in *account.RegisterInput) { in.Username, in.Password = "lovelace", "LoveLace" }, "PASSWORD_INVALID input.password"},
			"a password like the address":      {func(in *account.RegisterInput) { in.Password = "ADA@example.com" }, "PASSWORD_INVALID input.password"},
			"an empty display name":            {func(in *account.RegisterInput) { in.DisplayName = new("") }, "DISPLAY_NAME_INVALID input.displayName"},
			"a display name of 51 characters":  {func(in *account.RegisterInput) { in.DisplayName = new(strings.Repeat("a", 51)) }, "DISPLAY_NAME_INVALID input.displayName"},
			"a display name with a line break": {func(in *account.RegisterInput) { in.DisplayName = new("a\nb") }, "DISPLAY_NAME_INVALID input.displayName"},
		} {
			in := input("ada")
			c.change(&in)
			got, err := b.accounts.Register(t.Context(), in)
			if codes := refusals(t, err); len(codes) != 1 || codes[0] != c.want || got != nil {
				t.Errorf("%s: got %v, want %s", name, codes, c.want)
			}
		}
		if n := b.accounts.PasswordHashes(); n != 0 {
			t.Errorf("%d passwords were hashed for it", n)
		}
	})
	t.Run("tells all that is wrong at once", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.register(t, "ada")
		_, err := b.accounts.Register(t.Context(), account.RegisterInput{
			Username: "ADA", Email: "nowhere", Password: "short", DisplayName: new("\n"),
		})
		want := []string{
			"DISPLAY_NAME_INVALID input.displayName", "EMAIL_INVALID input.email",
			"PASSWORD_INVALID input.password", "USERNAME_TAKEN input.username",
		}
		if diff := cmp.Diff(want, slices.Sorted(slices.Values(refusals(t, err)))); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("answers a used address like any other", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		first := b.register(t, "ada")
		if err := b.db.Ent.Account.UpdateOneID(first.Viewer.Account()).SetEmailVerifiedAt(time.Now()).Exec(system(t)); err != nil {
			t.Fatal(err)
		}
		for _, username := range []string{"bob", "carol"} {
			in := input(username)
			in.Email = "ADA@example.com"
			got, err := b.accounts.Register(t.Context(), in)
			if err != nil || got.Tokens.AccessToken == nil {
				t.Errorf("%s: got %v, %v", username, got, err)
			}
		}
	})
	t.Run("gives a username to one of twenty who want it at once", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		answers := make([]error, 20)
		var wg sync.WaitGroup
		for i := range answers {
			wg.Go(func() {
				in := input("ada")
				in.Email = fmt.Sprintf("ada%d@example.com", i)
				_, answers[i] = b.accounts.Register(t.Context(), in)
			})
		}
		wg.Wait()
		won := 0
		for _, err := range answers {
			if err == nil {
				won++
			} else if codes := refusals(t, err); len(codes) != 1 || codes[0] != "USERNAME_TAKEN input.username" {
				t.Errorf("got %v", codes)
			}
		}
		if won != 1 || b.count(t, "accounts") != 1 || b.count(t, "profiles") != 1 || b.count(t, "auth_sessions") != 1 {
			t.Errorf("%d won, %d accounts", won, b.count(t, "accounts"))
		}
	})
	t.Run("stores no password in the clear", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		in := b.register(t, "ada")
		row, err := b.db.Ent.Account.Get(system(t), in.Viewer.Account())
		if err != nil || !strings.HasPrefix(row.PasswordHash, "$argon2id$v=19$m=19456,t=2,p=1$") {
			t.Errorf("got %q, %v", row.PasswordHash, err)
		}
		if strings.Contains(fmt.Sprint(row), "argon2") {
			t.Error("the row prints its hash")
		}
	})
	t.Run("gives up waiting for its turn when the request does", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := b.accounts.Register(ctx, input("ada")); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

// longEmail is an address of n bytes.
func longEmail(n int) string {
	local, end := strings.Repeat("a", 64)+"@", ".com"
	rest := n - len(local) - len(end)
	domain := ""
	for rest > 64 {
		domain += strings.Repeat("b", 63) + "."
		rest -= 64
	}
	return local + domain + strings.Repeat("c", rest) + end
}

// longPassword has so many bytes and no pattern.
func longPassword(bytes int) string {
	var b strings.Builder
	for i := 0; b.Len() < bytes; i++ {
		fmt.Fprintf(&b, "%x-", i*i*7919)
	}
	return b.String()[:bytes]
}
