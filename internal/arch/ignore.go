package arch

import (
	"io/fs"
	"path"
	"strings"
)

// ignored are the patterns of the root's .gitignore, as far as they are used: `/folder/` at the root,
// `folder/` anywhere, and names with wildcards.
type ignored []string

func readIgnore(fsys fs.FS) ignored {
	body, _ := fs.ReadFile(fsys, ".gitignore")
	patterns := ignored{".git/"}
	for line := range strings.Lines(string(body)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			patterns = append(patterns, line)
		}
	}
	return patterns
}

func (i ignored) folder(name string) bool {
	for _, p := range i {
		if p == "/"+name+"/" || p == path.Base(name)+"/" {
			return true
		}
	}
	return i.file(name)
}

func (i ignored) file(name string) bool {
	for _, p := range i {
		if rooted, ok := strings.CutPrefix(p, "/"); ok {
			if match, _ := path.Match(rooted, name); match {
				return true
			}
		} else if match, _ := path.Match(p, path.Base(name)); match {
			return true
		}
	}
	return false
}
