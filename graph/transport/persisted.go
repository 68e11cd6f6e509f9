package transport

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/convenehq/convene/internal/fault"
)

// Persisted keeps the texts of persisted queries by the hash that clients name them by. What it does not have, or can
// not say, clients send again.
type Persisted interface {
	// Find is the text of a hash; empty if it is not known.
	Find(ctx context.Context, hash string) string
	// Keep keeps the text of a hash for a time.
	Keep(ctx context.Context, hash, text string)
}

// hashPrefix is what an id of GraphQL over HTTP begins with if it is the document's hash.
const hashPrefix = "sha256:"

// notFound is in the words that clients look for, before they send the text.
var notFound = gqlerror.List{shown(&fault.Error{Code: fault.CodePersistedQueryNotFound, Message: "PersistedQueryNotFound"})}

// document is the one that a request asks for, and notes its text in the request.
func (h *Handler) document(ctx context.Context, r *request) (*document, gqlerror.List) {
	if r.hasText {
		return h.documentOfText(ctx, r)
	}
	for _, id := range []string{r.documentID, strings.TrimPrefix(r.documentID, hashPrefix), r.hash} {
		if doc := h.registered[id]; doc != nil {
			r.Query = doc.text
			return doc, nil
		}
	}
	hash, ok := r.sum()
	if !ok || h.onlyRegistered {
		return nil, notFound
	}
	text, isHere := h.texts.Get(hash)
	if !isHere && h.Persisted != nil {
		text = h.Persisted.Find(ctx, hash)
	}
	// Whoever can write to the store can not put another text behind a hash.
	if text == "" || !isHere && sumOf(text) != hash {
		return nil, notFound
	}
	r.Query = text
	doc, errs := h.documents.admit(text)
	if len(errs) == 0 && !isHere {
		h.texts.Put(hash, text, len(text)+entryWeight)
	}
	return doc, errs
}

func (h *Handler) documentOfText(ctx context.Context, r *request) (*document, gqlerror.List) {
	if h.onlyRegistered {
		return nil, gqlerror.List{shown(&fault.Error{
			Code:    fault.CodeForbidden,
			Message: "Only registered operations are served here: send the id of one as `documentId`, and no text.",
		})}
	}
	hash, isHash := r.sum()
	switch {
	case hash == "":
		return h.documents.admit(r.Query)
	case !isHash:
		return nil, gqlerror.List{shown(fault.BadRequest(nil, "A text can be kept under its SHA-256 alone, in 64 lower-case hexadecimal digits."))}
	case len(r.Query) <= h.Limits.Wall.Bytes && sumOf(r.Query) != hash:
		return nil, gqlerror.List{shown(fault.BadRequest(nil, "The hash is not the SHA-256 of the query that came with it."))}
	}
	doc, errs := h.documents.admit(r.Query)
	if len(errs) > 0 {
		return nil, errs // what is not valid is not kept
	}
	if _, known := h.texts.Get(hash); !known {
		h.texts.Put(hash, r.Query, len(r.Query)+entryWeight)
		if h.Persisted != nil {
			h.Persisted.Keep(ctx, hash, r.Query)
		}
	}
	return doc, nil
}

// sum is the hash that a request names a document by, and whether it is one. Empty if the request names none.
func (r *request) sum() (hash string, ok bool) {
	hash = r.hash
	if hash == "" && r.documentID != "" {
		if hash, ok = strings.CutPrefix(r.documentID, hashPrefix); !ok {
			return r.documentID, false
		}
	}
	raw, err := hex.DecodeString(hash)
	return hash, err == nil && len(raw) == sha256.Size && hash == strings.ToLower(hash)
}

func sumOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
