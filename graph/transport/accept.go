package transport

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// The media types of answers.
const (
	mediaGraphQL = "application/graphql-response+json"
	mediaJSON    = "application/json"
	mediaEvents  = "text/event-stream"
)

// An acceptance is what a request's Accept header leaves to choose from.
type acceptance struct {
	// single is the media type for a single answer; empty if the client takes none.
	single string
	// events tells whether the client takes an event stream. It has to say so: `*/*` does not.
	events bool
	// eventsFirst tells that it wants even a single answer as an event stream.
	eventsFirst bool
}

// A preference is how much a client wants a media type: by its weight, and by how exactly it named it.
type preference struct {
	weight float64
	exact  int // 2 named, 1 by application/*, 0 by */*, -1 not at all
}

func (p preference) acceptable() bool { return p.weight > 0 }

// negotiate reads the Accept header. Without one, and for `*/*`, the answer is application/json: that is
// what clients from before application/graphql-response+json expect.
func negotiate(header http.Header) acceptance {
	values := strings.Join(header.Values("Accept"), ",")
	if strings.TrimSpace(values) == "" {
		return acceptance{single: mediaJSON}
	}
	named, json, events := preference{exact: -1}, preference{exact: -1}, preference{exact: -1}
	for _, part := range strings.Split(values, ",") {
		kind, params, err := mime.ParseMediaType(part)
		if err != nil || !isUTF8(params["charset"]) {
			continue
		}
		weight := 1.0
		if q, given := params["q"]; given {
			if weight, err = strconv.ParseFloat(q, 64); err != nil || !(weight >= 0 && weight <= 1) {
				continue
			}
		}
		switch kind {
		case mediaGraphQL:
			named = preference{weight, 2}
		case mediaJSON:
			json = preference{weight, 2}
		case mediaEvents:
			events = preference{weight, 2}
		case "application/*":
			named, json = named.or(weight, 1), json.or(weight, 1)
		case "*/*":
			named, json = named.or(weight, 0), json.or(weight, 0)
		}
	}
	a := acceptance{events: events.acceptable()}
	best := json
	switch {
	case named.acceptable() && named.beats(json):
		a.single, best = mediaGraphQL, named
	case json.acceptable():
		a.single = mediaJSON
	}
	a.eventsFirst = a.events && (a.single == "" || events.weight > best.weight)
	return a
}

// or keeps the most exact of the ranges that name a media type.
func (p preference) or(weight float64, exact int) preference {
	if p.exact >= exact {
		return p
	}
	return preference{weight, exact}
}

// beats tells whether the newer media type wins over application/json: in a tie only if it was named.
func (p preference) beats(json preference) bool {
	if p.weight != json.weight {
		return p.weight > json.weight
	}
	return p.exact == 2 || p.exact > json.exact
}

func isUTF8(charset string) bool {
	switch strings.ToLower(charset) {
	case "", "utf-8", "utf8":
		return true
	}
	return false
}
