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
var parameters = []string{"query", "operationName", "variables", "extensions"}

// readParams reads the object of a GraphQL request. Its errors never repeat what was sent.
func readParams(d *jsontext.Decoder) (*graphql.RawParams, *fault.Error) {
	params, given := &graphql.RawParams{}, false
	err := eachMember(d, func(name string) (err error) {
		switch name {
		case "query":
			given = true
			params.Query, err = readText(d, name, false)
		case "operationName":
			params.OperationName, err = readText(d, name, true)
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
	if !given {
		return nil, fault.BadRequest(nil, "`query` is missing.")
	}
	return params, nil
}

func readText(d *jsontext.Decoder, name string, orNull bool) (string, error) {
	token, err := d.ReadToken()
	switch {
	case err != nil:
		return "", err
	case token.Kind() == jsontext.KindString:
		return token.String(), nil
	case token.Kind() == jsontext.KindNull && orNull:
		return "", nil
	case orNull:
		return "", fault.BadRequest(nil, "`%s` must be a string or null.", name)
	default:
		return "", fault.BadRequest(nil, "`%s` must be a string.", name)
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
