package transport_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/convenehq/convene/graph/transport"
)

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// byHash is a request of a persisted query, with its text or without.
func byHash(hash, text string) string {
	query := ""
	if text != "" {
		query = fmt.Sprintf(`"query":%q,`, text)
	}
	return `{` + query + `"extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + hash + `"}}}`
}

// shelf is what nodes share. One that is away knows nothing.
type shelf struct {
	mu    sync.Mutex
	texts map[string]string
	away  bool
}

func (s *shelf) Find(_ context.Context, hash string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return ""
	}
	return s.texts[hash]
}

func (s *shelf) Keep(_ context.Context, hash, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.away {
		s.texts[hash] = text
	}
}

func (s *shelf) all() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.texts)
}

func sharing(s *shelf) option {
	return func(o *transport.Options) { o.Persisted = s }
}

func TestPersistedQueries(t *testing.T) {
	t.Parallel()
	const text = "{ hello }"
	const world = `{"hello":"world"}`
	t.Run("one is not known until its text comes, over whatever", func(t *testing.T) {
		t.Parallel()
		for _, first := range []string{"HTTP", "a socket", "an event stream"} {
			f := serve(t)
			over := map[string]func(*testing.T, string) result{"HTTP": f.overHTTP, "a socket": f.overSocket, "an event stream": f.overEvents}
			for name, ask := range over {
				got := ask(t, byHash(hashOf(text), ""))
				if got.code() != "PERSISTED_QUERY_NOT_FOUND" || got.Errors[0].Message != "PersistedQueryNotFound" {
					t.Errorf("over %s: got %+v", name, got)
				}
			}
			if got := over[first](t, byHash(hashOf(text), text)); string(got.Data) != world {
				t.Errorf("over %s: got %+v", first, got)
			}
			for name, ask := range over {
				if got := ask(t, byHash(hashOf(text), "")); string(got.Data) != world {
					t.Errorf("over %s, sent over %s: got %+v", name, first, got)
				}
				if got := ask(t, `{"documentId":"sha256:`+hashOf(text)+`"}`); string(got.Data) != world {
					t.Errorf("over %s, by its id: got %+v", name, got)
				}
			}
		}
	})

	t.Run("by GET", func(t *testing.T) {
		t.Parallel()
		f := newHandler()
		extensions := `{"persistedQuery":{"version":1,"sha256Hash":"` + hashOf(text) + `"}}`
		if a := ask(t, f, get("", "extensions", extensions)); a.status != 200 || a.code() != "PERSISTED_QUERY_NOT_FOUND" {
			t.Errorf("got %d %s", a.status, a.text)
		}
		if a := ask(t, f, get("", "query", text, "extensions", extensions)); string(a.body.Data) != world {
			t.Errorf("got %s", a.text)
		}
		if a := ask(t, f, get("", "extensions", extensions)); string(a.body.Data) != world {
			t.Errorf("got %s", a.text)
		}
		if a := ask(t, f, get("", "documentId", "sha256:"+hashOf(text))); string(a.body.Data) != world {
			t.Errorf("got %s", a.text)
		}
	})

	t.Run("a subscription too", func(t *testing.T) {
		t.Parallel()
		f := serve(t)
		const subscription = "subscription { updates }"
		ask(t, f, post("", byHash(hashOf(subscription), subscription))) // refused over HTTP, and kept
		c := f.ready(t)
		c.send(`{"id":"a","type":"subscribe","payload":` + byHash(hashOf(subscription), "") + `}`)
		f.subscriptions.take(t).next("hello", "")
		c.want(`{"id":"a","type":"next","payload":{"data":{"updates":"hello"}}}`)
	})

	t.Run("what one node was sent all know", func(t *testing.T) {
		t.Parallel()
		s := &shelf{texts: map[string]string{}}
		one, other := newHandler(sharing(s)), newHandler(sharing(s))
		ask(t, one, post("", byHash(hashOf(text), text)))
		if a := ask(t, other, post("", byHash(hashOf(text), ""))); string(a.body.Data) != world {
			t.Errorf("got %s", a.text)
		}
	})

	t.Run("while nothing is shared, each node knows its own", func(t *testing.T) {
		t.Parallel()
		s := &shelf{away: true}
		one, other := newHandler(sharing(s)), newHandler(sharing(s))
		ask(t, one, post("", byHash(hashOf(text), text)))
		if a := ask(t, one, post("", byHash(hashOf(text), ""))); string(a.body.Data) != world {
			t.Errorf("got %s", a.text)
		}
		if a := ask(t, other, post("", byHash(hashOf(text), ""))); a.code() != "PERSISTED_QUERY_NOT_FOUND" {
			t.Errorf("got %s", a.text)
		}
	})

	t.Run("what is not valid is not kept", func(t *testing.T) {
		t.Parallel()
		s := &shelf{texts: map[string]string{}}
		f := newHandler(sharing(s))
		for _, bad := range []string{"{ nothing }", "{ hello", "{" + strings.Repeat("hello ", 600) + "}", "{ ... @defer { hello } }"} {
			if a := ask(t, f, post("", byHash(hashOf(bad), bad))); a.code() == "" {
				t.Errorf("%.20s: got %s", bad, a.text)
			}
			if a := ask(t, f, post("", byHash(hashOf(bad), ""))); a.code() != "PERSISTED_QUERY_NOT_FOUND" {
				t.Errorf("%.20s: got %s", bad, a.text)
			}
		}
		if left := s.all(); len(left) > 0 {
			t.Errorf("kept %v", left)
		}
	})

	t.Run("another text behind a hash is not served", func(t *testing.T) {
		t.Parallel()
		f := newHandler(sharing(&shelf{texts: map[string]string{hashOf(text): "{ viewer }"}}))
		if a := ask(t, f, post("", byHash(hashOf(text), ""))); a.code() != "PERSISTED_QUERY_NOT_FOUND" {
			t.Errorf("got %s", a.text)
		}
	})

	for name, c := range map[string]struct{ payload, code, says string }{
		"a hash of something else":    {byHash(hashOf("{ viewer }"), text), "BAD_REQUEST", "not the SHA-256"},
		"a hash that is none":         {byHash("abc", text), "BAD_REQUEST", "64 lower-case"},
		"a hash in capitals":          {byHash(strings.ToUpper(hashOf(text)), text), "BAD_REQUEST", "64 lower-case"},
		"another version":             {strings.Replace(byHash(hashOf(text), text), `"version":1`, `"version":2`, 1), "BAD_REQUEST", "must be 1"},
		"no version":                  {strings.Replace(byHash(hashOf(text), text), `"version":1,`, ``, 1), "BAD_REQUEST", "must be 1"},
		"no hash":                     {`{"query":"{ hello }","extensions":{"persistedQuery":{"version":1}}}`, "BAD_REQUEST", "must be a string"},
		"a list":                      {`{"query":"{ hello }","extensions":{"persistedQuery":[]}}`, "BAD_REQUEST", "must be an object"},
		"two names":                   {`{"documentId":"a","extensions":{"persistedQuery":{"version":1,"sha256Hash":"b"}}}`, "BAD_REQUEST", "two documents"},
		"an id of one's own and text": {`{"documentId":"a","query":"{ hello }"}`, "BAD_REQUEST", "SHA-256 alone"},
		"an id that nobody knows":     {`{"documentId":"a"}`, "PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound"},
		"an empty text and a hash":    {strings.Replace(byHash(hashOf(text), ""), `{`, `{"query":"",`, 1), "PERSISTED_QUERY_NOT_FOUND", ""},
		"nothing at all":              {`{"variables":{}}`, "BAD_REQUEST", "missing"},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			t.Parallel()
			a := ask(t, newHandler(), post("application/graphql-response+json", c.payload))
			if a.status != 400 || a.code() != c.code || !strings.Contains(a.text, c.says) {
				t.Errorf("got %d %s", a.status, a.text)
			}
		})
	}
}

// manifests are one set of operations in both formats.
func manifests(t *testing.T, operations map[string]string) []string {
	t.Helper()
	var list, pairs []string
	for id, body := range operations {
		list = append(list, fmt.Sprintf(`{"id":%q,"name":"Q","type":"query","body":%q}`, id, body))
		pairs = append(pairs, fmt.Sprintf(`%q:%q`, id, body))
	}
	return []string{
		written(t, `{"format":"apollo-persisted-query-manifest","version":1,"operations":[`+strings.Join(list, ",")+`]}`),
		written(t, `{`+strings.Join(pairs, ",")+`}`),
	}
}

func written(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "operations.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRegisteredOperations(t *testing.T) {
	t.Parallel()
	const text = "query Q { hello }"
	hash := hashOf(text)
	for _, path := range manifests(t, map[string]string{hash: text, "of-our-own": "{ viewer }"}) {
		for _, only := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, only: %v", filepath.Base(filepath.Dir(path)), only), func(t *testing.T) {
				t.Parallel()
				f := serve(t)
				registered, err := transport.ReadManifest(path, only)
				if err != nil || registered.Len() != 2 {
					t.Fatal(registered.Len(), err)
				}
				if err := f.Register(registered); err != nil {
					t.Fatal(err)
				}
				for _, payload := range []string{byHash(hash, ""), byHash("of-our-own", ""), `{"documentId":"` + hash + `"}`, `{"documentId":"sha256:` + hash + `"}`, `{"documentId":"of-our-own"}`} {
					for over, got := range f.overAll(t, payload) {
						if got.code() != "" {
							t.Errorf("%s over %s: got %+v", payload, over, got)
						}
					}
				}
				for over, got := range f.overAll(t, `{"documentId":"unknown"}`) {
					if got.code() != "PERSISTED_QUERY_NOT_FOUND" {
						t.Errorf("over %s: got %+v", over, got)
					}
				}
				want := map[bool]string{true: "FORBIDDEN"}[only]
				for _, payload := range []string{payloadOf("{ hello }"), payloadOf(text), byHash(hashOf("{ hello }"), "{ hello }")} {
					for over, got := range f.overAll(t, payload) {
						if got.code() != want {
							t.Errorf("%s over %s: got %+v", payload, over, got)
						}
					}
				}
				got := f.overHTTP(t, byHash(hashOf("{ hello }"), ""))
				if isKept := got.code() == ""; isKept == only {
					t.Errorf("got %+v", got)
				}
			})
		}
	}

	t.Run("what is wrong with one is said before anything is served", func(t *testing.T) {
		t.Parallel()
		path := manifests(t, map[string]string{"good": "{ hello }", "gone": "{ nothing }", "broken": "{", "large": "{" + strings.Repeat("hello ", 600) + "}"})[0]
		registered, err := transport.ReadManifest(path, true)
		if err != nil {
			t.Fatal(err)
		}
		err = newHandler().Register(registered)
		if err == nil {
			t.Fatal("it is served")
		}
		for i, id := range []string{"broken", "gone", "large"} {
			if lines := strings.Split(err.Error(), "\n"); len(lines) != 3 || !strings.HasPrefix(lines[i], "the registered operation "+id+" can not be served: ") {
				t.Fatalf("got %v", err)
			}
		}
	})

	for name, c := range map[string]struct{ text, says string }{
		"no JSON":           {`{`, "neither a manifest"},
		"a list":            {`[]`, "not a JSON object"},
		"nothing":           {`{}`, "no operations"},
		"another format":    {`{"format":"other","version":1,"operations":[]}`, "has to be apollo-persisted-query-manifest, version 1"},
		"another version":   {`{"format":"apollo-persisted-query-manifest","version":2,"operations":[]}`, "has to be"},
		"no operations":     {`{"format":"apollo-persisted-query-manifest","version":1,"operations":[]}`, "no operations"},
		"one without an id": {`{"format":"apollo-persisted-query-manifest","version":1,"operations":[{"name":"Q","body":"{ hello }"}]}`, "has no id"},
		"an id twice":       {`{"format":"apollo-persisted-query-manifest","version":1,"operations":[{"id":"a","body":"{ hello }"},{"id":"a","body":"{ viewer }"}]}`, "twice"},
		"numbers":           {`{"a":1}`, "neither a manifest"},
	} {
		t.Run("a file with "+name+" is refused", func(t *testing.T) {
			t.Parallel()
			if _, err := transport.ReadManifest(written(t, c.text), false); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}
