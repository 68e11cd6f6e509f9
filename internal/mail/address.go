package mail

import (
	"fmt"
	netmail "net/mail"
	"strings"
	"unicode"
)

// maxAddress is how long an address may be, in bytes.
const maxAddress = 254

// ReadAddress takes an address as somebody typed it and answers it as it is stored, or what is wrong with it.
func ReadAddress(s string) (address, problem string) {
	const wrong = "This is not an e-mail address."
	address = FoldAddress(s)
	if len(address) > maxAddress {
		return address, fmt.Sprintf("An e-mail address has at most %d characters.", maxAddress)
	}
	// Nothing that could end a mail's header and begin another.
	if strings.ContainsFunc(address, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		return address, wrong
	}
	// Equal to what was read: so it is an address alone, without a name, brackets, quotes or comments.
	parsed, err := netmail.ParseAddress(address)
	if err != nil || parsed.Address != address {
		return address, wrong
	}
	local, domain, _ := strings.Cut(address, "@")
	if len(local) > 64 || strings.HasPrefix(domain, "[") || !strings.Contains(domain, ".") {
		return address, wrong
	}
	return address, ""
}

// FoldAddress lowers the letters a to z alone: Unicode's own folding makes another address of some.
func FoldAddress(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, strings.Trim(s, " "))
}
