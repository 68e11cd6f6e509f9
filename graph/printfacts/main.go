// Command printfacts writes the catalogue of facts to docs/facts.md:
//
//	go run ./graph/printfacts
package main

import (
	"bytes"
	"log"
	"os"
	"path/filepath"

	"github.com/convenehq/convene/graph"
)

//go:generate go run . ../..

// output is the page, from the root of the module.
const output = "docs/facts.md"

func main() {
	log.SetFlags(0)
	root := "."
	if len(os.Args) > 1 {
		root = os.Args[1]
	}
	var page bytes.Buffer
	err := graph.WriteCatalogue(&page)
	if err == nil {
		err = os.WriteFile(filepath.Join(root, output), page.Bytes(), 0o644)
	}
	if err != nil {
		log.Fatalf("print the facts: %v", err)
	}
}
