package wall

import (
	"strconv"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/convenehq/convene/internal/fault"
)

// most is where counting ends: a document of doubled fragments would have more fields than a number has digits.
const most = 1_000_000_000

// add adds what a document asks, up to most.
func add(a, b int) int { return min(a+b, most) }

// times multiplies it. Both are at most most, so that the product has its 63 bits.
func times(a, b int) int { return min(a*b, most) }

// exceeded says which limit a document does not keep, and by how much.
func exceeded(limit string, allowed, found int, message string) *gqlerror.Error {
	text := strconv.Itoa(found)
	if found >= most {
		text = "more than a thousand million"
	}
	return &gqlerror.Error{
		Message: message + ": at most " + strconv.Itoa(allowed) + ", not " + text + ".",
		Extensions: map[string]any{
			"code": fault.CodeTooComplex, "limit": limit, "allowed": allowed, "found": found,
		},
	}
}
