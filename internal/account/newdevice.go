package account

import (
	"context"
	"fmt"
	"strings"
	"unicode"

	"entgo.io/ent/dialect/sql"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/loginattempt"
	"github.com/convenehq/convene/internal/mail"
)

// compared is with how many earlier times one compares where and with what somebody signs in.
const compared = 200

// tellOfDevice has the account's person told by mail that somebody has signed in with a device, or from a network,
// that was never used for it in the time for which attempts are kept. It comes before this time is noted. Only whoever
// knows the password gets here, so that its time tells nobody anything.
func (s *Service) tellOfDevice(ctx context.Context, tx *ent.Tx, of *ent.Account) error {
	// Of an account from before attempts were noted nothing is known that could be new.
	if s.mail == nil || of.LastLoginAt == nil {
		return nil
	}
	earlier, err := tx.LoginAttempt.Query().
		Where(
			loginattempt.AccountID(of.ID), loginattempt.OutcomeIn(loginattempt.OutcomeSIGNED_IN, loginattempt.OutcomeREGISTERED),
		).
		Order(loginattempt.ByCreatedAt(sql.OrderDesc()), loginattempt.ByID(sql.OrderDesc())).Limit(compared).
		Select(loginattempt.FieldNetwork, loginattempt.FieldDeviceLabel).All(ctx)
	if err != nil {
		return fmt.Errorf("read where the account was signed in: %w", err)
	}
	network, device := networkFrom(ctx), deviceKind(deviceFrom(ctx))
	isNetworkKnown, isDeviceKnown := false, false
	for _, a := range earlier {
		isNetworkKnown = isNetworkKnown || a.Network == network
		isDeviceKnown = isDeviceKnown || deviceKind(a.DeviceLabel) == device
	}
	if isNetworkKnown && isDeviceKnown {
		return nil
	}
	return s.post(ctx, tx, mail.Letter{Template: mail.NewDevice, Account: of.ID, Data: map[string]string{
		"device": wordsFor(deviceFrom(ctx)), "at": s.now().Format("2 January 2006 at 15:04 UTC"),
	}})
}

// deviceKind is a device's label without its numbers, which change with each version.
func deviceKind(label string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) || r == '.' {
			return -1
		}
		return r
	}, label)
}

// The words for devices are few, so that a letter that waits to be sent says little of a person.
var (
	browsers = [][2]string{{"Edg", "Edge"}, {"OPR", "Opera"}, {"Firefox", "Firefox"}, {"Chrome", "Chrome"}, {"Safari", "Safari"}}
	systems  = [][2]string{
		{"iPhone", "an iPhone"},
		{"iPad", "an iPad"},
		{"Android", "Android"},
		{"Windows", "Windows"},
		{"Macintosh", "a Mac"},
		{"CrOS", "a Chromebook"},
		{"Linux", "Linux"},
	}
)

// wordsFor is a device in words: "Firefox on Linux".
func wordsFor(label string) string {
	find := func(words [][2]string, otherwise string) string {
		for _, w := range words {
			if strings.Contains(label, w[0]) {
				return w[1]
			}
		}
		return otherwise
	}
	return find(browsers, "A program") + " on " + find(systems, "an unknown device")
}
