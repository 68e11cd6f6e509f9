package config

import (
	"fmt"
	"strings"
)

const prefix = "CONVENE_"

// unknown refuses CONVENE_ settings that do not exist: a misspelt one would silently do nothing.
func unknown(environ []string) error {
	known := map[string]bool{}
	for _, s := range Settings() {
		known[s.Name] = true
	}
	for _, pair := range environ {
		name, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, prefix) || strings.HasPrefix(name, prefix+"TEST_") || known[name] {
			continue
		}
		if meant := nearest(name, known); meant != "" {
			return fmt.Errorf("there is no setting %s: did you mean %s? `convene config` lists all", name, meant)
		}
		return fmt.Errorf("there is no setting %s: `convene config` lists all", name)
	}
	return nil
}

// nearest is the setting that somebody meant; empty if none is near.
func nearest(name string, known map[string]bool) string {
	if bare := strings.TrimPrefix(name, prefix); known[bare] {
		return bare
	}
	// A third of the letters may be wrong, beyond the beginning that all have in common.
	best, least := "", (len(name)-len(prefix))/3+1
	for _, s := range Settings() {
		if d := distance(name, s.Name); d < least || d == least && best == "" {
			best, least = s.Name, d
		}
	}
	return best
}

// distance is how many letters have to be put in, taken out or replaced to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j := range b {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
