package transport

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/convenehq/convene/internal/fault"
)

// parameters are the members of a GraphQL request. Others are ignored, as the specification has it,
// unless they are one of these in another case: that is a mistake which would go unnoticed.
var parameters = []string{"query", "operationName", "variables", "extensions", "documentId"}

// A request is what a client asks: by the text of a document, or by what names one that is known here.
type request struct {
	graphql.RawParams
	hasText bool
	// documentID is the member of that name, and hash the one of extensions.persistedQuery; empty if not given.
	documentID, hash string
}

// readParams reads the object of a GraphQL request. Its errors never repeat what was sent.
func readParams(d *jsontext.Decoder) (*request, *fault.Error) {
	params := &request{}
	err := eachMember(d, func(name string) (err error) {
		switch name {
		case "query":
			params.hasText = d.PeekKind() != jsontext.KindNull
			params.Query, err = readText(d, name)
		case "operationName":
			params.OperationName, err = readText(d, name)
		case "documentId":
			params.documentID, err = readText(d, name)
		case "variables":
			params.Variables, err = readObject(d, name)
		case "extensions":
			params.Extensions, err = readObject(d, name)
		default:
			if i := slices.IndexFunc(parameters, func(p string) bool { return strings.EqualFold(p, name) }); i >= 0 {
				return fault.BadRequest(nil, "Names are case-sensitive: it is `%s`.", parameters[i])
			}
			err = d.SkipValue()
		}
		return err
	})
	if err != nil {
		return nil, unreadable(d, err)
	}
	return params, params.named()
}

// named reads what names a document, and wants a name or a text.
func (r *request) named() *fault.Error {
	if value, given := r.Extensions["persistedQuery"]; given && value != nil {
		object, ok := value.(map[string]any)
		if !ok {
			return fault.BadRequest(nil, "`extensions.persistedQuery` must be an object.")
		}
		if object["version"] != int64(1) {
			return fault.BadRequest(nil, "`extensions.persistedQuery.version` must be 1, the only one known here.")
		}
		if r.hash, ok = object["sha256Hash"].(string); !ok || r.hash == "" {
			return fault.BadRequest(nil, "`extensions.persistedQuery.sha256Hash` must be a string.")
		}
	}
	if r.hash != "" && r.documentID != "" && strings.TrimPrefix(r.documentID, hashPrefix) != r.hash {
		return fault.BadRequest(nil, "`documentId` and `extensions.persistedQuery` name two documents: send one of them.")
	}
	isNamed := r.hash != "" || r.documentID != ""
	if !r.hasText && !isNamed {
		return fault.BadRequest(nil, "`query` is missing.")
	}
	r.hasText = r.hasText && (r.Query != "" || !isNamed) // some clients send an empty text with a name
	return nil
}

func readText(d *jsontext.Decoder, name string) (string, error) {
	token, err := d.ReadToken()
	switch {
	case err != nil:
		return "", err
	case token.Kind() == jsontext.KindString:
		return token.String(), nil
	case token.Kind() == jsontext.KindNull:
		return "", nil
	default:
		return "", fault.BadRequest(nil, "`%s` must be a string or null.", name)
	}
}

func readObject(d *jsontext.Decoder, name string) (map[string]any, error) {
	switch d.PeekKind() {
	case jsontext.KindNull:
		_, err := d.ReadToken()
		return nil, err
	case jsontext.KindBeginObject:
		value, err := readValue(d)
		if err != nil {
			return nil, err
		}
		return value.(map[string]any), nil
	default:
		return nil, wrongKind(d, fault.BadRequest(nil, "`%s` must be an object or null.", name))
	}
}

// unreadable says why JSON could not be read, by its place and not by its text.
func unreadable(d *jsontext.Decoder, err error) *fault.Error {
	var known *fault.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, errTooDeep):
		return fault.BadRequest(nil, "The JSON is nested deeper than %d levels.", deepest)
	case errors.Is(err, errNotObject):
		return fault.BadRequest(nil, "A GraphQL request is a JSON object.")
	case errors.Is(err, errTrailing):
		return fault.BadRequest(nil, "Something follows the JSON object.")
	case errors.Is(err, jsontext.ErrDuplicateName):
		return fault.BadRequest(nil, "The JSON has the same key twice in one object.")
	}
	bad := fault.BadRequest(nil, "This is not valid JSON: see byte %d.", d.InputOffset())
	bad.Err = fmt.Errorf("read a GraphQL request: %w", err)
	return bad
}
