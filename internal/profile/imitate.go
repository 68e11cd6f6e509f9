package profile

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// drawnAlike are letters of other alphabets that look like Latin ones in lower case, or whose capitals do. Unicode has
// thousands of confusable characters; these are what is left once marks and compatibility forms are taken away
// and only Latin words are asked about.
var drawnAlike = func() map[rune]rune {
	all := map[rune]rune{}
	for latin, others := range map[rune]string{
		'a': "аαɑаⲁꭺ", 'b': "вβƅьЬ", 'c': "сϲⅽᴄ", 'd': "ԁɗđð", 'e': "еεєəҽ", 'f': "ƒϝ", 'g': "ɡցğ", 'h': "һнηհ",
		'i': "іιıɩӏ", 'j': "јϳ", 'k': "кκķ", 'l': "ӏłʟӀ|", 'm': "мμ", 'n': "пνոɴη", 'o': "оοσօøөഠ", 'p': "рρƿ", 'q': "ԛգ",
		'r': "гʀ", 's': "ѕꜱƽ", 't': "тτŧ", 'u': "υսцʋ", 'v': "ѵνᴠ", 'w': "ԝωшѡ", 'x': "хχ", 'y': "уүγʏ", 'z': "ʐᴢ",
	} {
		for _, r := range others {
			if _, taken := all[r]; !taken {
				all[r] = latin
			}
		}
	}
	// One letter may look like two; these are the nearer ones.
	all['ν'], all['η'], all['ӏ'] = 'v', 'n', 'l'
	return all
}()

var readAlike = strings.NewReplacer(
	"0", "o", "1", "l", "i", "l", "3", "e", "4", "a", "5", "s", "7", "t", "8", "b", "9", "g", "@", "a", "$", "s", "!", "l",
)

// Imitation is what is left of a name once all is taken away by which it could only seem to be another: case, marks,
// other alphabets, digits for letters, and what stands between letters. Two names with the same may pass for each other.
func Imitation(name string) string {
	name = strings.Map(func(r rune) rune {
		r = unicode.ToLower(r)
		if latin, ok := drawnAlike[r]; ok {
			return latin
		}
		if unicode.IsMark(r) {
			return -1
		}
		return r
	}, norm.NFKD.String(name))
	name = readAlike.Replace(norm.NFKC.String(strings.ToLower(name)))
	name = strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return r
	}, name)
	return strings.NewReplacer("rn", "m", "vv", "w").Replace(name)
}

// offices are words by which the service speaks of itself and of those who look after it.
var offices = func() (all []string) {
	for w := range strings.FieldsSeq("convene admin admins administrator administrators moderator moderators mod mods official operator " +
		"owner root security staff support system team help helpdesk service the bot") {
		all = append(all, Imitation(w))
	}
	return all
}()

// passesForService tells a name that says nothing but that it is the service, or somebody who looks after it.
func passesForService(name string) bool {
	if slices.Contains(offices, Imitation(name)) {
		return true
	}
	words := strings.FieldsFunc(norm.NFKC.String(name), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) })
	return len(words) > 0 && !slices.ContainsFunc(words, func(w string) bool { return !slices.Contains(offices, Imitation(w)) })
}
