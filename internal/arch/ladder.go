package arch

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A layer is a step of the ladder: its packages import what stands on lower steps.
type layer struct {
	name    string
	folders []string
}

// ladder is the layers from the top down. A folder belongs to the layer that names the longest part of its
// path; a package directly under internal that no layer names is a slice.
var ladder = []layer{
	{"programs and what only tests import", []string{
		"cmd", "docs/examples", "internal/arch", "internal/bench", "internal/chaos", "internal/drill", "internal/rehearsal",
		"internal/slicegen", "internal/testkit",
	}},
	{"server", []string{"internal/server"}},
	{"demo", []string{"internal/demo"}},
	{"graph", []string{"graph"}},
	{sliceLayer, nil},
	{"kit", []string{
		"internal/audit", "internal/blob", "internal/config", "internal/db", "internal/embedded", "internal/fact", "internal/job",
		"internal/limit", "internal/live", "internal/mail", "internal/password", "internal/persisted", "internal/presence", "internal/push", "internal/token", "internal/topic", "internal/weather",
	}},
	{"ent's runtime", []string{"ent/runtime", "ent/enttest"}},
	{"ent's schema", []string{"ent/schema"}},
	{"ent's policies", []string{"ent/rule"}},
	{"ent", []string{"ent"}},
	{"the schema's vocabulary", []string{"ent/visible", "ent/personal"}},
	{"leaf", []string{"internal/viewer", "internal/fault", "internal/gather", "internal/sibling", "internal/telemetry", "graph/relay"}},
}

const sliceLayer = "slice"

// neighbours are the imports within a layer that are allowed, from → to, each with its reason.
var neighbours = map[[2]string]string{
	{"internal/fact", "internal/db"}:           "facts are stored and consumed in units of work",
	{"internal/topic", "internal/fact"}:        "topics are a consumer of facts",
	{"internal/messaging", "internal/feed"}:    "conversations say whose feeds they get into, and are shown there",
	{"graph/relay", "internal/fault"}:          "an argument that can not be read is a BAD_REQUEST",
	{"internal/job", "internal/db"}:            "jobs are rows, and are migrated with the others",
	{"internal/mail", "internal/job"}:          "a mail is sent by a job",
	{"internal/mail", "internal/db"}:           "the mailbox of development is a table",
	{"internal/gather", "internal/telemetry"}:  "a statement for many belongs to the trace of one of them",
	{"internal/viewer", "internal/fault"}:      "who has to sign in first is told so",
	{"internal/account", "internal/invite"}:    "registering uses an invite's code up, in its own transaction",
	{"internal/invite", "internal/profile"}:    "whoever holds a code sees the card of who invites them",
	{"internal/account", "internal/profile"}:   "registering makes the profile, by the profile's rules for names",
	{"internal/messaging", "internal/account"}: "a first message locks the two accounts before it looks for their conversation",
	{"internal/messaging", "internal/profile"}: "a message shows the card of whoever wrote it",
	{"internal/network", "internal/account"}:   "a block locks the two accounts first",
	{"internal/network", "internal/profile"}:   "a block shows the card of whom it keeps away",
	{"internal/network", "internal/messaging"}: "a block draws curtains in the conversations that the two share",
	{"internal/slicegen", "internal/arch"}:     "it asks which packages are slices",
	{"internal/chaos", "internal/testkit"}:     "chaos may run on a Redis Cluster, as tests do",
	{"internal/chaos", "internal/rehearsal"}:   "chaos runs nodes as processes, and clients against them",
	{"internal/drill", "internal/rehearsal"}:   "drills run nodes as processes, and clients against them",
}

// doors are packages that only some may import although they stand below others.
var doors = map[string]struct {
	from []string
	why  string
}{
	"ent/runtime":      {[]string{"internal/db", "ent/enttest"}, "ent's policies take effect by this one import"},
	"ent/schema":       {[]string{"ent/runtime"}, "a schema is for ent's generator, not for calling"},
	"ent/rule":         {[]string{"ent/schema"}, "policies are made in the schema and nowhere else"},
	"ent/enttest":      {nil, "tests get a migrated database from internal/testkit"},
	"internal/testkit": {[]string{"internal/testkit", "internal/chaos"}, "it is for tests alone, and for chaos on a Redis Cluster"},
}

// importLadder holds every import of the module's own packages, but for those of tests, to the ladder.
func importLadder(t *Tree) []Violation {
	var found []Violation
	used := map[[2]string]bool{}
	for _, f := range t.Go {
		if f.IsTest {
			continue
		}
		for _, spec := range f.AST.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			to, ok := strings.CutPrefix(imported, Module+"/")
			if !ok {
				continue
			}
			used[[2]string{unit(f.Folder), unit(to)}] = true
			if what, remedy := judge(f.Folder, to); what != "" {
				found = append(found, Violation{File: f.Path, Line: f.line(spec), What: what, Remedy: remedy})
			}
		}
	}
	for pair := range neighbours {
		if !used[pair] {
			found = append(found, Violation{
				File: "internal/arch/ladder.go", What: fmt.Sprintf("%s may import %s, but does not", pair[0], pair[1]),
				Remedy: "Take the line out of neighbours",
			})
		}
	}
	return found
}

// judge says what is wrong with an import; nothing if it is allowed.
func judge(from, to string) (what, remedy string) {
	if door, ok := doors[to]; ok && !in(from, door.from...) {
		return "imports " + to, "Only " + either(door.from, "tests") + " may: " + door.why
	}
	above, below := layerOf(from), layerOf(to)
	switch {
	case above < 0:
		return from + " stands on no step of the ladder", "Name it in ladder (internal/arch/ladder.go)"
	case below < 0 || above < below:
		return "", ""
	case above > below:
		return fmt.Sprintf("a package of the layer %q imports %s of the layer %q above it", ladder[above].name, to, ladder[below].name),
			"Let the upper one call the lower one, or move what both need down"
	case unit(from) == unit(to) || neighbours[[2]string{unit(from), unit(to)}] != "":
		return "", ""
	default:
		return fmt.Sprintf("imports %s, a neighbour in the layer %q", to, ladder[above].name),
			"Do without, or list the pair with its reason in neighbours (internal/arch/ladder.go)"
	}
}

// layerOf is the index of a folder's layer in the ladder; -1 if it has none.
func layerOf(folder string) int {
	best, length := -1, -1
	for i, l := range ladder {
		for _, f := range l.folders {
			if in(folder, f) && len(f) > length {
				best, length = i, len(f)
			}
		}
	}
	if best < 0 && strings.HasPrefix(folder, "internal/") {
		return slices.IndexFunc(ladder, func(l layer) bool { return l.name == sliceLayer })
	}
	return best
}

// unit is the package that a folder is a part of, for the question who is a neighbour: sub-packages belong
// to the one they lie in.
func unit(folder string) string {
	parts := strings.Split(folder, "/")
	if folder == "graph/relay" || len(parts) > 1 && (parts[0] == "internal" || parts[0] == "cmd") {
		return path.Join(parts[:2]...)
	}
	return parts[0]
}

// Slices are the names of the slices: the packages directly under internal that no other layer names.
func (t *Tree) Slices() []string {
	var names []string
	for _, f := range t.Go {
		name, ok := strings.CutPrefix(f.Folder, "internal/")
		if ok && !strings.Contains(name, "/") && IsSlice(name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// IsSlice tells whether a package of this name directly under internal is a slice, whether it exists or not.
func IsSlice(name string) bool { return ladder[layerOf("internal/"+name)].name == sliceLayer }

func either(names []string, otherwise string) string {
	if len(names) == 0 {
		return otherwise
	}
	return strings.Join(names, " and ")
}
