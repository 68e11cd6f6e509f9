package messaging

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxBody is the length of a message in characters; the database holds it too.
const maxBody = 4000

// checkBody refuses a text that is no message.
func checkBody(body string) error {
	switch {
	case utf8.RuneCountInString(body) > maxBody:
		return refuse(CodeBodyInvalid, "A message has at most 4000 characters.", "input", "body")
	case !strings.ContainsFunc(body, isSeen):
		return refuse(CodeBodyInvalid, "A message needs a text.", "input", "body")
	}
	return nil
}

// isSeen tells characters that show something from those that only space, join or direct others.
func isSeen(r rune) bool {
	return !unicode.IsSpace(r) && unicode.IsGraphic(r) && r != '\u2800' && r != '\u3164' && r != '\u115f' && r != '\u1160'
}
