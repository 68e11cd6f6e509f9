// Package arch is Convene's shape, as a test: who may import whom, where each dependency lives, who
// writes which entity, what a slice consists of. It reads the source and builds nothing, so that it takes
// less than a second and also works on a tree that does not compile.
//
// Each [Rule] is a function over a tree of files. What a rule lets pass as an exception stands in a table
// beside it, each line with its reason; an exception that nothing needs any more fails too.
package arch
