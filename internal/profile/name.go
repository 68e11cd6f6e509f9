package profile

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxDisplayName = 50

// CheckDisplayName is the name without the blanks around it, and what is wrong with it: a sentence for the
// person who chose it, empty if nothing is.
func CheckDisplayName(name string) (clean, problem string) {
	clean = strings.TrimSpace(name)
	switch {
	case !utf8.ValidString(clean) || strings.ContainsFunc(clean, disturbs):
		return "", "The name has control characters or line breaks."
	case utf8.RuneCountInString(clean) > maxDisplayName:
		return "", fmt.Sprintf("The name has more than %d characters.", maxDisplayName)
	case !strings.ContainsFunc(clean, shows):
		return "", "The name needs at least one character that can be seen."
	case passesForService(clean):
		return "", "This name is for those who look after the service."
	}
	return clean, ""
}

// disturbs tells characters that act on the text around the name: control characters, line and paragraph
// separators, and those that turn the direction of writing. Joiners stay allowed: emoji are made of them.
func disturbs(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
}

// shows tells characters that leave a mark: a name of joiners and blanks looks like none.
func shows(r rune) bool {
	switch r {
	case '\u115f', '\u1160', '\u2800', '\u3164', '\uffa0': // letters and a symbol by class, blank on the screen
		return false
	}
	return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S)
}
