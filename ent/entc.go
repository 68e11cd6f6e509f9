//go:build ignore

// Generates package ent from ent/schema, and refuses a schema that does not say what its fields are for.
package main

import (
	"fmt"
	"log"

	"entgo.io/ent/entc"
	"entgo.io/ent/entc/gen"

	"github.com/convenehq/convene/ent/personal"
)

func main() {
	err := entc.Generate("./schema",
		&gen.Config{
			Package: "github.com/convenehq/convene/ent",
			Features: []gen.Feature{
				gen.FeaturePrivacy, gen.FeatureIntercept, gen.FeatureUpsert, gen.FeatureLock,
				gen.FeatureModifier, gen.FeatureExecQuery,
			},
			Hooks: []gen.Hook{declared},
		},
		entc.TemplateDir("./template"),
	)
	if err != nil {
		log.Fatalf("generate package ent: %v", err)
	}
}

// declared fails unless every field says its purpose, its retention and its reader.
func declared(next gen.Generator) gen.Generator {
	return gen.GenerateFunc(func(g *gen.Graph) error {
		for _, node := range g.Nodes {
			fields := append([]*gen.Field{node.ID}, node.Fields...)
			for _, f := range fields {
				a, ok := f.Annotations[personal.Name].(map[string]any)
				if !ok {
					return fmt.Errorf("%s.%s does not say what it is for: annotate it with personal.Data or personal.Technical", node.Name, f.Name)
				}
				for _, key := range []string{"purpose", "retention", "reader"} {
					if s, _ := a[key].(string); s == "" {
						return fmt.Errorf("%s.%s declares no %s", node.Name, f.Name, key)
					}
				}
			}
		}
		return next.Generate(g)
	})
}
