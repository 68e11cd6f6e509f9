package wall

import (
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/lexer"
)

// hasHalfPair tells whether a string of a text escapes one half of a surrogate pair: the lexer makes a replacement
// character of it, which nobody wrote.
func hasHalfPair(text string) bool {
	if !strings.Contains(text, `\ud`) && !strings.Contains(text, `\uD`) {
		return false
	}
	runes := []rune(text) // as positions count
	l := lexer.New(&ast.Source{Input: text})
	for {
		token, err := l.ReadToken()
		if err != nil || token.Kind == lexer.EOF {
			return false
		}
		if token.Kind == lexer.String && strings.ContainsRune(token.Value, '\uFFFD') && halfIn(runes[token.Pos.Start:token.Pos.End]) {
			return true
		}
	}
}

// halfIn looks for it among the escapes of one string.
func halfIn(literal []rune) bool {
	unit := func(i int) int64 { // the code unit that is escaped there; none is 0
		if i+6 > len(literal) || literal[i] != '\\' || literal[i+1] != 'u' {
			return 0
		}
		n, _ := strconv.ParseInt(string(literal[i+2:i+6]), 16, 32)
		return n
	}
	for i := 0; i < len(literal); i++ {
		if literal[i] != '\\' {
			continue
		}
		switch first := unit(i); {
		case first >= 0xd800 && first < 0xdc00:
			if second := unit(i + 6); second < 0xdc00 || second > 0xdfff {
				return true
			}
			i += 11
		case first >= 0xdc00 && first <= 0xdfff:
			return true
		default:
			i++
		}
	}
	return false
}
