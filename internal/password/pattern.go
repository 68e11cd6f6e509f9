package password

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// rows are keys that lie side by side.
var rows = []string{"1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop", "qsdfghjklm", "wxcvbn"}

// isPattern tells repeats, rows of keys, alphabets, and short numbers.
func isPattern(folded string) bool {
	digits := strings.IndexFunc(folded, func(r rune) bool { return !unicode.IsDigit(r) }) < 0
	return digits && utf8.RuneCountInString(folded) < enoughDigits || repeated(folded) < shortest || weigh(folded) < enough
}

// repeated is how many characters a text has until it begins again; all of it unless it is a repeat.
func repeated(s string) int {
	r := []rune(s)
	for length := 1; length <= len(r)/2; length++ {
		if slices.Equal(r[length:], r[:len(r)-length]) {
			return length
		}
	}
	return len(r)
}

// weigh counts the characters of a text; a run of the same one, of an alphabet or of neighbouring keys counts
// two, however long it is.
func weigh(s string) int {
	r := []rune(s)
	weight, i := 0, 0
	for i < len(r) {
		end := i + 1
		for _, step := range []func(a, b rune) bool{
			func(a, b rune) bool { return a == b },
			func(a, b rune) bool { return b == a+1 },
			func(a, b rune) bool { return b == a-1 },
			areNeighbours,
			func(a, b rune) bool { return areNeighbours(b, a) },
		} {
			j := i + 1
			for j < len(r) && step(r[j-1], r[j]) {
				j++
			}
			end = max(end, j)
		}
		if end-i < 3 {
			end = i + 1
			weight++
		} else {
			weight += 2
		}
		i = end
	}
	return weight
}

func areNeighbours(a, b rune) bool {
	pair := string([]rune{a, b})
	return slices.ContainsFunc(rows, func(row string) bool { return strings.Contains(row, pair) })
}

// isAbout tells a password of which little is left without what everybody knows of its person.
func isAbout(folded string, about []string) bool {
	var known []string
	for _, text := range about {
		text = fold(text)
		parts := strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		known = append(known, append(parts, text, strings.Join(parts, ""))...)
	}
	// The longest first: of "ada.lovelace" nothing is left, where "ada" alone would leave much.
	slices.SortFunc(known, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	for _, p := range append(spellings(folded), folded) {
		left := p
		for _, k := range known {
			if utf8.RuneCountInString(k) >= 3 {
				left = strings.ReplaceAll(left, k, "")
			}
		}
		if left != p && weigh(left) < enough {
			return true
		}
	}
	return false
}
