package arch

import (
	"fmt"
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strings"
)

// packageComments wants every package to say what it promises. Generated packages say nothing.
func packageComments(t *Tree) []Violation {
	var found []Violation
	for folder, files := range t.Packages() {
		files = slices.DeleteFunc(files, func(f *GoFile) bool { return f.IsGenerated || f.IsTest })
		if len(files) == 0 || slices.ContainsFunc(files, hasPackageComment) {
			continue
		}
		want := "Package " + files[0].AST.Name.Name
		if want == "Package main" {
			want = "Command " + path.Base(folder)
		}
		found = append(found, Violation{
			File: files[0].Path, What: "the package has no comment",
			Remedy: fmt.Sprintf("Begin one with %q in doc.go and say what it promises", want),
		})
	}
	return found
}

func hasPackageComment(f *GoFile) bool {
	text := f.AST.Doc.Text()
	return strings.HasPrefix(text, "Package "+f.AST.Name.Name+" ") || f.AST.Name.Name == "main" && strings.HasPrefix(text, "Command ")
}

// empty are names that say nothing about what is in a package.
var empty = regexp.MustCompile(`^(util|common|helper|manager|model|misc|shared|base|lib|type|service|repository)(s|lib)?$|^(utilities|types)$`)

// packageNames refuses names that would fit any package.
func packageNames(t *Tree) []Violation {
	var found []Violation
	for _, files := range t.Packages() {
		f := files[0]
		name := f.AST.Name.Name
		if base := path.Base(f.Folder); name == "main" || !empty.MatchString(name) {
			name = base
		}
		if empty.MatchString(name) {
			found = append(found, Violation{
				File: f.Path, What: fmt.Sprintf("a package named %s says nothing", name),
				Remedy: "Name it with the noun of docs/glossary.md that it is about",
			})
		}
	}
	return found
}

// maxLines is how long a hand-written file may be; 80 to 150 is usual.
const maxLines = 400

func fileLength(t *Tree) []Violation {
	var found []Violation
	for _, f := range t.Go {
		if !f.IsGenerated && f.Lines > maxLines {
			found = append(found, Violation{
				File: f.Path, What: fmt.Sprintf("%d lines, more than %d", f.Lines, maxLines),
				Remedy: "Split it: one use case or one noun a file",
			})
		}
	}
	return found
}

// generatedCode knows where generated code stands.
func generatedCode(t *Tree) []Violation {
	var found []Violation
	for _, f := range t.Go {
		if f.IsGenerated && !in(f.Folder, "ent", "graph/generated") {
			found = append(found, Violation{
				File: f.Path, What: "generated code outside of ent and graph/generated",
				Remedy: "Have it generated there",
			})
		}
	}
	return found
}

var (
	treeBlock = regexp.MustCompile("(?s)\n## The tree\n.*?\n```[a-z]*\n(.*?)\n```")
	treeLine  = regexp.MustCompile(`^([\w.\-/]+)/(?:\s|$)`)
)

// foldersInTree wants every folder in ARCHITECTURE.md's tree, and nothing there that does not exist: a map
// that nobody checks goes stale.
func foldersInTree(t *Tree) []Violation {
	const file = "ARCHITECTURE.md"
	text, _ := t.Text(file)
	m := treeBlock.FindStringSubmatchIndex("\n" + text)
	if m == nil {
		return []Violation{{
			File: file, What: "there is no tree", Remedy: "Add a fenced block under `## The tree`, one folder a line, `path/   what it is for`",
		}}
	}
	var found []Violation
	lines := map[string]int{}
	block := text[m[2]-1 : m[3]-1]
	first := strings.Count(text[:m[2]-1], "\n") + 1
	for i, line := range strings.Split(block, "\n") {
		if l := treeLine.FindStringSubmatch(line); l != nil {
			lines[l[1]] = first + i
		}
	}
	for _, folder := range t.folders() {
		if lines[folder] == 0 {
			found = append(found, Violation{
				File: file, Line: first, What: "the tree lacks " + folder + "/", Remedy: "Add a line that says what the folder is for",
			})
		}
	}
	for folder, line := range lines {
		if !slices.ContainsFunc(t.Files, func(f string) bool { return strings.HasPrefix(f, folder+"/") }) {
			found = append(found, Violation{
				File: file, Line: line, What: "the tree has " + folder + "/, which does not exist", Remedy: "Take the line out",
			})
		}
	}
	return found
}

// folders are the folders that the tree has to name: all that have files, but for ent's generated packages,
// test data, and the assets that a package embeds.
func (t *Tree) folders() []string {
	byHand := map[string]bool{}
	for _, name := range t.Files {
		folder := path.Dir(name)
		if f := t.Find(name); f != nil && f.IsGenerated && in(folder, "ent") {
			continue
		}
		byHand[folder] = true
	}
	delete(byHand, ".")
	var all []string
	for folder := range byHand {
		if !strings.Contains(folder+"/", "/testdata/") && !t.isEmbedded(folder) {
			all = append(all, folder)
		}
	}
	slices.Sort(all)
	return all
}

// isEmbedded tells whether a package above the folder embeds it.
func (t *Tree) isEmbedded(folder string) bool {
	for _, f := range t.Go {
		if f.IsGenerated || f.Folder == folder || !in(folder, f.Folder) {
			continue
		}
		for _, pattern := range embeds(f) {
			for strings.ContainsAny(pattern, "*?[") {
				pattern = path.Dir(pattern)
			}
			if pattern != "." && in(folder, path.Join(f.Folder, pattern)) {
				return true
			}
		}
	}
	return false
}

// embeds are the patterns of a file's go:embed directives.
func embeds(f *GoFile) []string {
	var patterns []string
	for _, group := range f.AST.Comments {
		for _, c := range group.List {
			if rest, ok := directive(c); ok {
				for _, p := range strings.Fields(rest) {
					patterns = append(patterns, strings.TrimPrefix(strings.Trim(p, "\"`"), "all:"))
				}
			}
		}
	}
	return patterns
}

func directive(c *ast.Comment) (string, bool) { return strings.CutPrefix(c.Text, "//go:embed ") }
