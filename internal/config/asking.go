package config

import (
	"errors"
	"fmt"
	"os"
)

// Asking is how much clients may ask at once, and what. A zero means the default.
type Asking struct {
	// WallBytes is how many bytes a document has at most.
	WallBytes int `env:"CONVENE_WALL_BYTES" envDefault:"32768"`
	// WallTokens is how many tokens a document has at most, also if each fragment stood in the place of its spreads.
	WallTokens int `env:"CONVENE_WALL_TOKENS" envDefault:"4000"`
	// WallFields is how many fields a document selects at most, those of a fragment counted at each spread.
	WallFields int `env:"CONVENE_WALL_FIELDS" envDefault:"500"`
	// WallDepth is how deep fields may stand inside of each other.
	WallDepth int `env:"CONVENE_WALL_DEPTH" envDefault:"12"`
	// WallIntrospectionDepth is the same for what is asked of the schema itself.
	WallIntrospectionDepth int `env:"CONVENE_WALL_INTROSPECTION_DEPTH" envDefault:"20"`
	// WallAliases is how many aliases a document has at most, those of a fragment counted at each spread.
	WallAliases int `env:"CONVENE_WALL_ALIASES" envDefault:"30"`
	// WallDirectives is how many directives a document has at most, those of a fragment counted at each spread.
	WallDirectives int `env:"CONVENE_WALL_DIRECTIVES" envDefault:"30"`
	// WallVariables is how many variables an operation declares at most.
	WallVariables int `env:"CONVENE_WALL_VARIABLES" envDefault:"50"`
	// WallMutations is how many mutations an operation does at most.
	WallMutations int `env:"CONVENE_WALL_MUTATIONS" envDefault:"5"`
	// Cost is what a query or a mutation costs at most: its fields, each times the rows that it is asked of.
	Cost int `env:"CONVENE_COST" envDefault:"5000"`
	// UpdateCost is what one update of a subscription costs at most.
	UpdateCost int `env:"CONVENE_UPDATE_COST" envDefault:"500"`
	// Operations is a file of registered operations, which clients may name by their ids: a manifest of Apollo's format,
	// or a map from ids to documents.
	Operations string `env:"CONVENE_OPERATIONS"`
	// OperationsOnly is on or off: whether nothing but those is served.
	OperationsOnly string `env:"CONVENE_OPERATIONS_ONLY" envDefault:"off"`
}

// ServesOnlyRegistered tells whether clients may ask nothing but registered operations.
func (a Asking) ServesOnlyRegistered() bool { return a.OperationsOnly == "on" }

func (a Asking) checkAsking() error {
	for _, s := range []struct {
		name  string
		value int
	}{
		{"CONVENE_WALL_BYTES", a.WallBytes},
		{"CONVENE_WALL_TOKENS", a.WallTokens},
		{"CONVENE_WALL_FIELDS", a.WallFields},
		{"CONVENE_WALL_DEPTH", a.WallDepth},
		{"CONVENE_WALL_INTROSPECTION_DEPTH", a.WallIntrospectionDepth},
		{"CONVENE_WALL_ALIASES", a.WallAliases},
		{"CONVENE_WALL_DIRECTIVES", a.WallDirectives},
		{"CONVENE_WALL_VARIABLES", a.WallVariables},
		{"CONVENE_WALL_MUTATIONS", a.WallMutations},
		{"CONVENE_COST", a.Cost},
		{"CONVENE_UPDATE_COST", a.UpdateCost},
	} {
		if s.value < 0 {
			return fmt.Errorf("%s is %d and has to be above 0, or 0 for the default", s.name, s.value)
		}
	}
	if a.Operations == "" {
		if a.ServesOnlyRegistered() {
			return errors.New("CONVENE_OPERATIONS_ONLY is on and CONVENE_OPERATIONS names no file: nothing would be served")
		}
		return nil
	}
	if info, err := os.Stat(a.Operations); err != nil || info.IsDir() {
		return fmt.Errorf("CONVENE_OPERATIONS is %q and has to be a file that can be read", a.Operations)
	}
	return nil
}
