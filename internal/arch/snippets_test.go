package arch_test

import (
	"os"
	"path"
	"regexp"
	"testing"
)

// A page says above each block of JavaScript which file of the examples it is, whole.
var snippet = regexp.MustCompile("(?s)(?:<!-- (\\S+) -->\n)?```js\n(.*?)```")

// The code in docs/clients.md is that of docs/examples, which make conformance runs.
func TestSnippetsAreTheExamples(t *testing.T) {
	t.Parallel()
	const page = "docs/clients.md"
	text, ok := files(t).Text(page)
	if !ok {
		t.Fatal("there is no " + page)
	}
	found := map[string]bool{}
	for _, match := range snippet.FindAllStringSubmatch(text, -1) {
		name, code := match[1], match[2]
		if name == "" {
			t.Errorf("%s: a block of js is of no file: put `<!-- examples/client/….js -->` above it\n%.200s", page, code)
			continue
		}
		body, err := os.ReadFile(path.Join(root, "docs", name))
		if err != nil {
			t.Error(err)
			continue
		}
		found[path.Base(name)] = true
		if code != string(body) {
			t.Errorf("%s: the block of %s is not what stands in that file: copy it", page, name)
		}
	}
	for _, name := range []string{"session.js", "live.js", "apollo.js", "urql.js", "sse.js"} {
		if !found[name] {
			t.Errorf("%s does not show %s", page, name)
		}
	}
}
