package rehearsal

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// An EventStream is one subscription over server-sent events.
type EventStream struct {
	answer *http.Response
	lines  *bufio.Reader
}

// Listen subscribes on a node, behind the cursor of the last event if there is one. The stream ends with the
// context.
func Listen(ctx context.Context, n *Node, token, query string, variables map[string]any, last string) (*EventStream, error) {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, n.URL+"/graphql", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Authorization", "Bearer "+token)
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	answer, err := listeners.Do(r)
	if err != nil {
		return nil, fmt.Errorf("open an event stream: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 200))
		_ = answer.Body.Close()
		return nil, fmt.Errorf("open an event stream: the node answered %s: %s", answer.Status, text)
	}
	return &EventStream{answer, bufio.NewReader(answer.Body)}, nil
}

// listeners opens a connection for each stream, which ends with it.
var listeners = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// Next is the data of the next event.
func (s *EventStream) Next() ([]byte, error) {
	var event string
	var data []byte
	for {
		line, err := s.lines.ReadBytes('\n')
		if err != nil {
			return nil, fmt.Errorf("read an event stream: %w", err)
		}
		name, value, _ := strings.Cut(string(bytes.TrimSuffix(line, []byte("\n"))), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case name == "event":
			event = value
		case name == "data":
			data = append(data, value...)
		case name != "" || event == "":
		case event == "next":
			return data, nil
		default:
			return nil, fmt.Errorf("%w: %s %s", ErrEnded, event, data)
		}
	}
}

// Close ends the stream.
func (s *EventStream) Close() { _ = s.answer.Body.Close() }
