package account

import (
	"context"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/convenehq/convene/internal/limit"
)

const maxDeviceLabel = 100 // bytes

type deviceKey struct{}

// WithDevice says what the device calls itself, for the list of sessions. Nothing depends on it.
func WithDevice(ctx context.Context, label string) context.Context {
	return context.WithValue(ctx, deviceKey{}, label)
}

// deviceFrom is the label as it is stored: short, and without what a screen or PostgreSQL can't take.
func deviceFrom(ctx context.Context) string {
	label, _ := ctx.Value(deviceKey{}).(string)
	if len(label) > 4*maxDeviceLabel { // a header may be long; no need to clean all of it
		label = label[:4*maxDeviceLabel]
	}
	label = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, label))
	for len(label) > maxDeviceLabel {
		_, size := utf8.DecodeLastRuneInString(label)
		label = label[:len(label)-size]
	}
	return label
}

// How much of an address is kept of where somebody signed in: enough to recognize a provider or a company, too little
// for a household.
const ipv4Kept, ipv6Kept = 24, 48

// networkFrom is the network that a request comes from; empty if that is not known.
func networkFrom(ctx context.Context) string { return networkOf(limit.From(ctx).Network()) }

func networkOf(from netip.Prefix) string {
	if !from.IsValid() {
		return ""
	}
	bits := ipv4Kept
	if from.Addr().Is6() {
		bits = ipv6Kept
	}
	network, err := from.Addr().Prefix(bits)
	if err != nil {
		return ""
	}
	return network.String()
}
