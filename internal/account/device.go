package account

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"
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
