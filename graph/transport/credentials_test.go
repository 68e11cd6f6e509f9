package transport_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/convenehq/convene/graph/transport"
	"github.com/convenehq/convene/internal/viewer"
)

func TestSigningIn(t *testing.T) {
	t.Parallel()
	f := serve(t)
	const who = `{"id":"a","type":"subscribe","payload":{"query":"{ viewer }"}}`
	is := func(name string) string {
		return `{"id":"a","type":"next","payload":{"data":{"viewer":` + name + `}}}`
	}

	t.Run("a socket is of whom its authorization says", func(t *testing.T) {
		t.Parallel()
		c := f.dial(t, "Origin", "https://elsewhere.example")
		c.send(`{"type":"connection_init","payload":{"authorization":"Bearer ada"}}`)
		c.want(`{"type":"connection_ack"}`)
		c.send(who)
		c.want(is(`"ada"`), completeA)
	})

	t.Run("without authorization it is nobody's", func(t *testing.T) {
		t.Parallel()
		for _, payload := range []string{``, `,"payload":null`, `,"payload":{}`, `,"payload":{"authorization":null}`, `,"payload":{"authorization":""}`} {
			c := f.dial(t)
			c.send(`{"type":"connection_init"` + payload + `}`)
			c.want(`{"type":"connection_ack"}`)
			c.send(who)
			c.want(is("null"), completeA)
		}
	})

	t.Run("without authorization it is of whom its cookie says", func(t *testing.T) {
		t.Parallel()
		c := f.ready(t, "Cookie", "who=bob")
		c.send(who)
		c.want(is(`"bob"`), completeA)
	})

	t.Run("an authorization wins over a cookie", func(t *testing.T) {
		t.Parallel()
		c := f.dial(t, "Cookie", "who=bob")
		c.send(`{"type":"connection_init","payload":{"authorization":"Bearer ada"}}`)
		c.want(`{"type":"connection_ack"}`)
		c.send(who)
		c.want(is(`"ada"`), completeA)
	})

	t.Run("a wrong authorization closes with 4403", func(t *testing.T) {
		t.Parallel()
		for _, text := range []string{`"Bearer eve"`, `"x"`, `1`, `{}`, `["Bearer ada"]`, `"Bearer ada for -1s"`} {
			c := f.dial(t, "Cookie", "who=bob")
			c.sendAndWantClose(`{"type":"connection_init","payload":{"authorization":`+text+`}}`, 4403, "")
		}
	})

	t.Run("if nobody can tell whose it is, the client comes back", func(t *testing.T) {
		t.Parallel()
		c := f.dial(t)
		c.sendAndWantClose(`{"type":"connection_init","payload":{"authorization":"Bearer nobody knows"}}`, 1013, "Not available")
	})

	t.Run("a cookie signs in from the same host and from nowhere else", func(t *testing.T) {
		t.Parallel()
		for origin, allowed := range map[string]bool{
			f.url: true, "": true, "https://elsewhere.example": false, "null": false, f.url + ".example": false,
		} {
			headers := []string{"Cookie", "who=bob"}
			if origin != "" {
				headers = append(headers, "Origin", origin)
			}
			c, response := f.tryDial(t, "graphql-transport-ws", headers...)
			if (c != nil) != allowed || !allowed && response.StatusCode != http.StatusForbidden {
				t.Errorf("%s: %s", origin, response.Status)
			}
		}
	})

	t.Run("a cookie signs in from where the configuration says", func(t *testing.T) {
		t.Parallel()
		f := serve(t, func(o *transport.Options) {
			o.CheckOrigin = func(r *http.Request) bool { return r.Header.Get("Origin") == "https://app.example" }
		})
		f.ready(t, "Cookie", "who=bob", "Origin", "https://app.example")
		if c, _ := f.tryDial(t, "graphql-transport-ws", "Cookie", "who=bob", "Origin", f.url); c != nil {
			t.Error("the own host was allowed though it is not configured")
		}
	})

	t.Run("a ping with another's authorization closes with 4403", func(t *testing.T) {
		t.Parallel()
		for _, text := range []string{`"Bearer bob"`, `"Bearer ada again"`, `"Bearer eve"`, `7`} {
			c := f.dial(t)
			c.send(`{"type":"connection_init","payload":{"authorization":"Bearer ada"}}`)
			c.want(`{"type":"connection_ack"}`)
			c.sendAndWantClose(`{"type":"ping","payload":{"authorization":`+text+`}}`, 4403, "Forbidden")
		}
	})

	t.Run("nobody's socket does not become somebody's", func(t *testing.T) {
		t.Parallel()
		f.ready(t).sendAndWantClose(`{"type":"ping","payload":{"authorization":"Bearer ada"}}`, 4403, "Forbidden")
	})

	t.Run("a ping's authorization is not sent back", func(t *testing.T) {
		t.Parallel()
		c := f.dial(t)
		c.send(`{"type":"ping","payload":{"authorization":"Bearer ada"}}`)
		c.want(`{"type":"pong"}`)
		c.send(`{"type":"connection_init","payload":{"authorization":"Bearer ada"}}`)
		c.want(`{"type":"connection_ack"}`)
		c.send(`{"type":"ping","payload":{"authorization":"Bearer ada"}}`)
		c.want(`{"type":"pong"}`)
		c.send(`{"type":"ping","payload":{"authorization":"Bearer nobody knows"}}`)
		c.want(`{"type":"pong"}`)
	})

	t.Run("without a way to authenticate nobody signs in", func(t *testing.T) {
		t.Parallel()
		f := serve(t, func(o *transport.Options) { o.Authenticate = nil })
		f.dial(t).sendAndWantClose(`{"type":"connection_init","payload":{"authorization":"Bearer ada"}}`, 4403, "Forbidden")
	})

	t.Run("an authentication that fails for another reason than the token is forbidden", func(t *testing.T) {
		t.Parallel()
		f := serve(t, func(o *transport.Options) {
			o.Authenticate = func(context.Context, string) (viewer.Viewer, time.Time, error) {
				return viewer.Viewer{}, time.Time{}, errors.New("malformed")
			}
		})
		f.dial(t).sendAndWantClose(`{"type":"connection_init","payload":{"authorization":"Bearer ada"}}`, 4403, "Forbidden")
	})
}
