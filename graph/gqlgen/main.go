// Command gqlgen generates the executor from the schema: gqlgen with one change. Of gqlgen's own, each field with a
// resolver gets a goroutine. Ours mostly find what they need loaded, or the first of many loads it for all (package
// sibling): there a goroutine takes longer than the resolver. So fields are resolved one after the other, but for
// those of the types below.
//
//	go run ./graph/gqlgen
package main

import (
	"fmt"
	"log"
	"os"

	"github.com/99designs/gqlgen/api"
	"github.com/99designs/gqlgen/codegen"
	"github.com/99designs/gqlgen/codegen/config"
)

//go:generate go run . ../..

// concurrent are the types whose fields have nothing to do with each other, and each a statement of its own.
var concurrent = map[string]bool{"Query": true, "Viewer": true}

func main() {
	log.SetFlags(0)
	if len(os.Args) > 1 {
		if err := os.Chdir(os.Args[1]); err != nil {
			log.Fatalf("go to the root of the module: %v", err)
		}
	}
	settings, err := config.LoadConfig("gqlgen.yml")
	if err == nil {
		err = api.Generate(settings, api.AddPlugin(inTurn{}))
	}
	if err != nil {
		log.Fatalf("generate the executor: %v", err)
	}
}

// inTurn takes the goroutines away.
type inTurn struct{}

// Name is for gqlgen's messages.
func (inTurn) Name() string { return "inturn" }

// GenerateCode is called with what the executor is about to be generated from.
func (inTurn) GenerateCode(data *codegen.Data) error {
	for name := range concurrent {
		if data.Objects.ByName(name) == nil {
			return fmt.Errorf("the schema has no type %s", name)
		}
	}
	for _, o := range data.Objects {
		o.DisableConcurrency = o.DisableConcurrency || !concurrent[o.Name]
	}
	return nil
}
