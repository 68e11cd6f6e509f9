package transport

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// deepest is how deep JSON may be nested: far more than any input of the schema.
const deepest = 64

var (
	errTooDeep   = errors.New("nested too deep")
	errTrailing  = errors.New("something follows the value")
	errNotObject = errors.New("not an object")
)

// strictly reads JSON as jsontext does by default: no duplicate keys, no invalid UTF-8, no lone
// surrogates. encoding/json takes all three, and also matches keys whatever their case.
func strictly(text []byte) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewBuffer(text))
}

// eachMember reads an object and calls member with each name and the decoder before its value.
func eachMember(d *jsontext.Decoder, member func(name string) error) error {
	if d.PeekKind() != jsontext.KindBeginObject {
		return wrongKind(d, errNotObject)
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != jsontext.KindEndObject {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		if err := member(name.String()); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// wrongKind says what keeps the next value from being what is wanted: broken JSON, or only its kind.
func wrongKind(d *jsontext.Decoder, otherwise error) error {
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	return otherwise
}

// atEnd wants nothing but white space after the value.
func atEnd(d *jsontext.Decoder) error {
	switch _, err := d.ReadToken(); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	default:
		return errTrailing
	}
}

// readValue reads any value. A whole number becomes an int64, or a json.Number where that has too few
// digits, and any other number a float64: none loses digits on its way to the schema's strict scalars.
func readValue(d *jsontext.Decoder) (any, error) {
	if d.StackDepth() > deepest {
		return nil, errTooDeep
	}
	switch d.PeekKind() {
	case jsontext.KindBeginObject:
		object := map[string]any{}
		err := eachMember(d, func(name string) (err error) {
			object[name], err = readValue(d)
			return err
		})
		return object, err
	case jsontext.KindBeginArray:
		if _, err := d.ReadToken(); err != nil {
			return nil, err
		}
		array := []any{}
		for d.PeekKind() != jsontext.KindEndArray {
			element, err := readValue(d)
			if err != nil {
				return nil, err
			}
			array = append(array, element)
		}
		_, err := d.ReadToken()
		return array, err
	}
	token, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case jsontext.KindString:
		return token.String(), nil
	case jsontext.KindNumber:
		return number(token.String()), nil
	case jsontext.KindTrue, jsontext.KindFalse:
		return token.Bool(), nil
	default:
		return nil, nil
	}
}

func number(literal string) any {
	if !strings.ContainsAny(literal, ".eE") {
		if n, err := strconv.ParseInt(literal, 10, 64); err == nil {
			return n
		}
		return json.Number(literal)
	}
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil || math.IsInf(f, 0) {
		return json.Number(literal)
	}
	return f
}
