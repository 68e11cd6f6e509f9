package arch

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A home is where a dependency may be imported.
type home struct {
	// path is the import path or the beginning of it; the longest that fits decides.
	path string
	// in are the folders whose code may import it; see also the words below.
	in []string
	// tests are the folders whose tests may import it besides.
	tests []string
	why   string
}

// Words for the places of many packages.
const (
	everywhere = "*"
	allSlices  = "(slices)"
)

// homes are all dependencies.
var homes = []home{
	{"entgo.io/ent", []string{"ent", "internal/db"}, nil, "the schema, what is generated from it, and db, which opens it"},
	{"entgo.io/ent/dialect/sql", []string{"ent", "internal/db", allSlices}, nil, "the builder of a slice's own predicates and locks"},
	{"ariga.io/atlas", []string{"internal/db"}, nil, "the comparison of the database with the schema"},
	{"github.com/lib/pq", []string{"internal/db"}, nil, "who calls it must not know which driver it is"},
	{"github.com/riverqueue/river", []string{"internal/job"}, nil, "who inserts a job must not know who keeps it"},
	{"github.com/redis/go-redis", []string{"internal/limit", "internal/live", "internal/persisted", "internal/presence", "internal/topic", "docs/examples"}, []string{"cmd"}, "Redis carries live updates, presence and topics, what nodes know of each other's limits, and what clients would send again: nothing may come to need it"},
	{"github.com/alicebob/miniredis", []string{"internal/embedded"}, []string{everywhere}, "the built-in Redis of the default run"},
	{"github.com/golang-jwt/jwt", []string{"internal/token"}, nil, "one place decides which tokens are good"},
	{"golang.org/x/crypto", []string{"internal/account"}, nil, "password hashes; the standard library has the rest"},
	{"golang.org/x/text", []string{"internal/profile"}, nil, "names in one form, to compare what they look like"},
	{"github.com/wneessen/go-mail", []string{"internal/mail"}, nil, "who writes a letter must not know how it travels"},
	{"github.com/emersion", nil, []string{"internal/mail"}, "the server that tests send mails to"},
	{"github.com/99designs/gqlgen", []string{"graph", "internal/bench"}, nil, "slices know no GraphQL machinery; the bench measures beside gqlgen's own"},
	{"github.com/vektah/gqlparser", []string{"graph", "internal/bench"}, []string{"internal/arch"}, "slices know no GraphQL machinery; the schema's lint parses it"},
	{"github.com/coder/websocket", []string{"graph/transport", "internal/bench", "internal/rehearsal"}, []string{"cmd", "graph", "internal/server"}, "the socket layer can be replaced behind the transport; tests, the bench and rehearsals are clients"},
	{"github.com/alecthomas/kong", []string{"cmd"}, nil, "the command line is the program's alone"},
	{"github.com/caarlos0/env", []string{"internal/config"}, nil, "one struct has all settings"},
	{"github.com/rs/cors", []string{"internal/server"}, nil, "which other sites may call is for the server to say"},
	{"github.com/go-json-experiment/json", []string{"graph/transport"}, nil, "JSON as strict as the protocol asks: no doubled keys, no other case"},
	{"github.com/prometheus/client_golang", []string{"internal/telemetry"}, nil, "names, helps and labels are made in one way, and no label by a client"},
	{"github.com/go-logr/logr", []string{"internal/telemetry"}, nil, "the type of OpenTelemetry's own log, which is turned off"},
	{"go.opentelemetry.io/otel", []string{"internal/telemetry"}, []string{"internal/live", "internal/server"}, "what costs nothing while nobody collects is decided in one place; the test of a whole trace reads spans"},
	{"github.com/goccy/go-yaml", nil, []string{"cmd"}, "a test reads docker-compose.yml; nothing else here is YAML"},
	{"golang.org/x/sync", []string{everywhere}, nil, "one load for many who ask; groups that end together"},
	{"github.com/google/uuid", []string{everywhere}, nil, "rows are named by it"},
	{"github.com/google/go-cmp", nil, []string{everywhere}, "differences that one can read"},
	{"pgregory.net/rapid", nil, []string{everywhere}, "properties"},
	{"go.uber.org/goleak", nil, []string{everywhere}, "goroutines that nobody ends"},
}

// dependencyHomes holds every import of a dependency to its home.
func dependencyHomes(t *Tree) []Violation {
	var found []Violation
	for _, f := range t.Go {
		for _, spec := range f.AST.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			domain, _, _ := strings.Cut(imported, "/")
			if !strings.Contains(domain, ".") || in(imported, Module) {
				continue
			}
			h := homeOf(imported)
			if h == nil {
				found = append(found, Violation{
					File: f.Path, Line: f.line(spec), What: "imports " + imported + ", which has no home",
					Remedy: "Do without it, or give it a home with its reason in homes (internal/arch/homes.go)",
				})
				continue
			}
			if allows(h.in, f.Folder) || f.IsTest && allows(h.tests, f.Folder) {
				continue
			}
			found = append(found, Violation{
				File: f.Path, Line: f.line(spec), What: "imports " + imported,
				Remedy: fmt.Sprintf("Its home is %s (%s): call that instead", either(h.in, "tests"), h.why),
			})
		}
	}
	return found
}

func homeOf(imported string) *home {
	var best *home
	for i, h := range homes {
		if in(imported, h.path) && (best == nil || len(h.path) > len(best.path)) {
			best = &homes[i]
		}
	}
	return best
}

func allows(places []string, folder string) bool {
	for _, p := range places {
		switch {
		case p == everywhere, in(folder, p):
			return true
		case p == allSlices && ladder[max(layerOf(folder), 0)].name == sliceLayer:
			return true
		}
	}
	return false
}

// homesInLinter wants depguard to know each home too, so that editors show it while one types.
func homesInLinter(t *Tree) []Violation {
	const file = ".golangci.yml"
	config, _ := t.Text(file)
	var found []Violation
	for _, h := range homes {
		if slices.Contains(h.in, everywhere) || slices.Contains(h.in, allSlices) || strings.Contains(config, "pkg: "+h.path) {
			continue
		}
		found = append(found, Violation{
			File: file, What: "depguard does not know the home of " + h.path, Remedy: "Add a rule that denies it elsewhere",
		})
	}
	return found
}
