package transport

import (
	"errors"

	"github.com/go-json-experiment/json/jsontext"
)

const subprotocol = "graphql-transport-ws"

// longestID is how long a client's id for an operation may be: it goes out with each result.
const longestID = 256

// The types of messages that clients send.
const (
	typeInit      = "connection_init"
	typePing      = "ping"
	typePong      = "pong"
	typeSubscribe = "subscribe"
	typeComplete  = "complete"
)

// The messages that have no id.
var (
	frameAck  = frame{head: []byte(`{"type":"connection_ack"}`)}
	framePing = frame{head: []byte(`{"type":"ping"}`)}
	framePong = frame{head: []byte(`{"type":"pong"}`)}
	closing   = []byte("}")
)

// A message is what a client sent, checked to have the shape of its type.
type message struct {
	kind    string
	id      string
	payload jsontext.Value // nil if there is none
}

// What is wrong with a message, for the reason of a close frame.
var (
	errNoJSON  = errors.New("not a JSON object")
	errType    = errors.New("unknown type")
	errID      = errors.New("the id must be a string of 1 to 256 bytes")
	errPayload = errors.New("the payload has the wrong shape")
)

// parseMessage reads a message. Other members than those of the protocol are ignored.
func parseMessage(text []byte) (message, error) {
	var m message
	d, typed := strictly(text), false
	err := eachMember(d, func(name string) error {
		value, err := d.ReadValue()
		if err != nil {
			return err
		}
		switch name {
		case "type":
			typed = value.Kind() == jsontext.KindString
			m.kind = unquoted(value)
		case "id":
			m.id = unquoted(value)
		case "payload":
			m.payload = value.Clone()
		}
		return nil
	})
	if err == nil {
		err = atEnd(d)
	}
	if err != nil {
		return message{}, errNoJSON
	}
	if !typed {
		return message{}, errType
	}
	return m, m.check()
}

func (m *message) check() error {
	switch m.kind {
	case typeInit, typePing, typePong:
		if m.payload.Kind() == jsontext.KindNull {
			m.payload = nil
		}
		if m.payload != nil && m.payload.Kind() != jsontext.KindBeginObject {
			return errPayload
		}
	case typeSubscribe:
		if m.id == "" || len(m.id) > longestID {
			return errID
		}
		if m.payload.Kind() != jsontext.KindBeginObject {
			return errPayload
		}
	case typeComplete:
		if m.id == "" {
			return errID
		}
	default:
		return errType
	}
	return nil
}

// authorization is the payload's member of that name. It is not given if it is missing, null or empty,
// and the text is empty if it is given as something else than a string.
func (m message) authorization() (text string, given bool) {
	if m.payload == nil {
		return "", false
	}
	d := strictly(m.payload)
	_ = eachMember(d, func(name string) error {
		value, err := d.ReadValue()
		if err == nil && name == "authorization" {
			text = unquoted(value)
			given = text != "" || value.Kind() != jsontext.KindNull && value.Kind() != jsontext.KindString
		}
		return err
	})
	return text, given
}

// unquoted is the text of a JSON string; empty for any other value.
func unquoted(value jsontext.Value) string {
	if value.Kind() != jsontext.KindString {
		return ""
	}
	text, err := jsontext.AppendUnquote(nil, value)
	if err != nil {
		return ""
	}
	return string(text)
}

// headOf is a message about an operation up to its payload.
func headOf(id, kind string) []byte {
	head, _ := jsontext.AppendQuote([]byte(`{"id":`), id)
	return append(append(append(head, `,"type":"`...), kind...), `","payload":`...)
}

func completeOf(id string) frame {
	head, _ := jsontext.AppendQuote([]byte(`{"id":`), id)
	return frame{head: append(head, `,"type":"complete"}`...)}
}

func pongOf(payload []byte) frame {
	return frame{head: []byte(`{"type":"pong","payload":`), body: payload, tail: closing}
}
