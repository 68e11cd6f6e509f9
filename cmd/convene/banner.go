package main

import (
	"fmt"
	"os"
	"time"

	"github.com/convenehq/convene/internal/config"
	"github.com/convenehq/convene/internal/demo"
	"github.com/convenehq/convene/internal/embedded"
)

// banner prints where to click, what Convene runs on and why, and how to go on from there.
func banner(c config.Config, s *embedded.Services, took time.Duration) {
	p := func(format string, args ...any) { fmt.Fprintf(os.Stdout, format+"\n", args...) }
	p("")
	p("  Convene is up after %s.", took.Round(10*time.Millisecond))
	p("")
	if c.HasDemo() {
		p("  A live chat, as two people in two tabs (they are fictional):")
		p("    %s/demo/?as=ada", c.URL)
		p("    %s/demo/?as=grace", c.URL)
		p("  GraphiQL, signed in as Ada:")
		p("    %s/dev/sign-in?as=ada&to=/graphiql", c.URL)
		p("  Or sign in as anybody of the demo with the password %s.", demo.Password)
	} else {
		p("  GraphiQL:   %s/graphiql", c.URL)
	}
	p("  GraphQL:    %s/graphql   (HTTP, WebSocket, server-sent events)", c.URL)
	if c.SendsMail() && c.SMTPURL == "" {
		p("  Mail:       %s/dev/mail   (what would have been sent)", c.URL)
	}
	p("")
	p("  PostgreSQL: %s", note(s.PostgresNote, "the one that DATABASE_URL names"))
	p("  Redis:      %s", note(s.RedisNote, "the one that REDIS_URL names"))
	p("  Start afresh with `make reset` (or `go run ./cmd/convene reset`); look inside with `make psql`.")
	p("  A second node on the same services:")
	p("    ADDR=127.0.0.1:8081 DATABASE_URL='%s' REDIS_URL='%s' go run ./cmd/convene", c.DatabaseURL, c.RedisURL)
	p("")
	p("  Ctrl-C stops it.")
	p("")
}

func note(own, given string) string {
	if own == "" {
		return given
	}
	return own
}
