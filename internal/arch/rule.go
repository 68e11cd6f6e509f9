package arch

import (
	"cmp"
	"fmt"
	"slices"
)

// A Rule is one thing that must hold for the whole tree.
type Rule struct {
	// Name is how a violation names the rule.
	Name string
	// Check finds what breaks the rule.
	Check func(*Tree) []Violation
}

// Rules are all rules.
var Rules = []Rule{
	{"the import ladder", importLadder},
	{"homes of dependencies", dependencyHomes},
	{"homes in the linter", homesInLinter},
	{"one entity, one writer", oneWriter},
	{"every entity has an owner", everyEntityOwned},
	{"acting as the system", actingAsSystem},
	{"SQL by hand", sqlByHand},
	{"the shape of a slice", sliceShape},
	{"no acting person in the arguments", noActor},
	{"fields bound to ent", boundFields},
	{"no unbound types", noUnboundTypes},
	{"package comments", packageComments},
	{"package names", packageNames},
	{"the length of files", fileLength},
	{"generated code", generatedCode},
	{"the tree in ARCHITECTURE.md", foldersInTree},
}

// A Violation is a place that breaks a rule.
type Violation struct {
	// Rule is the rule's name.
	Rule string
	// File is where, relative to the root.
	File string
	// Line is the line in the file; 0 if the file as a whole is meant.
	Line int
	// What is wrong.
	What string
	// Remedy is what to do about it.
	Remedy string
}

// String is the violation in one line.
func (v Violation) String() string {
	at := v.File
	if v.Line > 0 {
		at = fmt.Sprintf("%s:%d", v.File, v.Line)
	}
	return fmt.Sprintf("%s: %s (%s). %s", at, v.What, v.Rule, v.Remedy)
}

// Check runs all rules.
func Check(t *Tree) []Violation {
	var all []Violation
	for _, r := range Rules {
		all = append(all, r.Run(t)...)
	}
	return all
}

// Run checks one rule and sorts what it found by place.
func (r Rule) Run(t *Tree) []Violation {
	found := r.Check(t)
	for i := range found {
		found[i].Rule = r.Name
	}
	slices.SortStableFunc(found, func(a, b Violation) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return found
}
