package password

import (
	"context"
	_ "embed"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Kind is what is wrong with a password.
type Kind int

// What can be wrong.
const (
	// Good is nothing.
	Good Kind = iota
	// Malformed is too short or too long.
	Malformed
	// Weak is a pattern, or made of what everybody knows of its person.
	Weak
	// Known is in a list of common or leaked passwords.
	Known
)

const (
	longest = 256 // bytes
	// enough is how much of a password has to be left without what can be guessed, in characters.
	enough = 7
	// enoughDigits is how long a password of digits alone has to be.
	enoughDigits = 12
)

// Options are the settings of a Judge; the zero value is good.
type Options struct {
	// List is a file with more passwords that are refused, one a line: such as leaked ones.
	List string
	// Online is the address of a range API like https://api.pwnedpasswords.com/range, which is asked whether a
	// password has leaked; empty asks nobody.
	Online string
	// Client asks it; nil is the usual one.
	Client *http.Client
	Log    *slog.Logger
}

// A Judge judges new passwords.
type Judge struct {
	list set
	o    Options
}

//go:embed common.bin
var commonFile []byte

// common is the list that comes with Convene. It takes two megabytes once somebody chooses a password.
var common = sync.OnceValue(func() set {
	s, err := readSet(commonFile)
	if err != nil { // a part of the binary: a mistake in the program, which the tests find
		panic(err)
	}
	return s
})

// New makes a Judge, and reads the operator's list if there is one.
func New(o Options) (*Judge, error) {
	j := &Judge{o: o}
	if o.Client == nil {
		j.o.Client = http.DefaultClient
	}
	if o.Log == nil {
		j.o.Log = slog.Default()
	}
	if o.List == "" {
		return j, nil
	}
	f, err := os.Open(o.List)
	if err != nil {
		return nil, fmt.Errorf("open the list of passwords: %w", err)
	}
	defer func() { _ = f.Close() }()
	j.list, err = readList(f)
	return j, err
}

// Check tells what is wrong with a password, and in a sentence for the person who chose it; Good and nothing if it
// may be used. About them is what everybody knows, such as their names and the service's.
func (j *Judge) Check(ctx context.Context, password string, about ...string) (Kind, string) {
	switch n := utf8.RuneCountInString(password); {
	case n < shortest:
		return Malformed, fmt.Sprintf("A password has at least %d characters.", shortest)
	case len(password) > longest:
		return Malformed, fmt.Sprintf("A password has at most %d bytes.", longest)
	}
	folded := fold(password)
	switch {
	case j.isListed(folded):
		return Known, "Many people use this password, or it has leaked: it is among the first that anybody tries."
	case isOneWord(folded):
		return Weak, "This password is one common word with little added."
	case isPattern(folded):
		return Weak, "This password is a pattern, such as a repeat, a row of keys, or a short number."
	case isAbout(folded, about):
		return Weak, "This password is little more than a name or an address that others know."
	case j.o.Online != "" && j.hasLeaked(ctx, password):
		return Known, "This password has leaked somewhere: it is among the first that anybody tries."
	}
	return Good, ""
}

// isListed looks a password up as it is, backwards, and with letters for the digits and signs that stand in
// for them.
func (j *Judge) isListed(folded string) bool {
	return slices.ContainsFunc(append(spellings(folded), backwards(folded)), func(p string) bool {
		return common().has(p) || j.list.has(p)
	})
}

// isOneWord tells a word of the list with up to four digits or signs around it.
func isOneWord(folded string) bool {
	for _, p := range append(spellings(folded), folded) {
		word := strings.TrimFunc(p, isNoLetter)
		if len(p)-len(word) <= 4 && word != "" && common().has(stemMark+word) {
			return true
		}
	}
	return false
}

// fold takes the case away.
func fold(s string) string { return strings.ToLower(s) }

// Some write a digit or a sign for a letter; some of those stand for two.
var (
	spelled     = strings.NewReplacer("@", "a", "4", "a", "8", "b", "3", "e", "6", "g", "1", "i", "!", "i", "|", "l", "0", "o", "5", "s", "$", "s", "7", "t", "+", "t", "2", "z")
	spelledElse = strings.NewReplacer("@", "a", "4", "a", "8", "b", "3", "e", "9", "g", "1", "l", "!", "l", "|", "i", "0", "o", "5", "s", "$", "s", "7", "t", "+", "t", "2", "z")
)

// spellings are a password as it is and with its letters put back: once but for the digits and signs around
// it, which mostly stand for themselves, and once with those.
func spellings(folded string) []string {
	stem := strings.TrimFunc(folded, isNoLetter)
	begin, end, _ := strings.Cut(folded, stem)
	all := []string{folded, begin + spelled.Replace(stem) + end, begin + spelledElse.Replace(stem) + end}
	return append(all, spelled.Replace(folded), spelledElse.Replace(folded))
}

func backwards(s string) string {
	r := []rune(s)
	slices.Reverse(r)
	return string(r)
}

func isNoLetter(r rune) bool { return !unicode.IsLetter(r) }
