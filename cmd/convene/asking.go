package main

import (
	"log/slog"

	"github.com/convenehq/convene/graph/transport"
	"github.com/convenehq/convene/graph/transport/wall"
	"github.com/convenehq/convene/internal/config"
)

// wallOf is how much clients may ask.
func wallOf(c config.Config) wall.Limits {
	return wall.Limits{
		Bytes: c.WallBytes, Tokens: c.WallTokens, Fields: c.WallFields,
		Depth: c.WallDepth, IntrospectionDepth: c.WallIntrospectionDepth,
		Aliases: c.WallAliases, Directives: c.WallDirectives, Variables: c.WallVariables, Mutations: c.WallMutations,
		Cost: c.Cost, UpdateCost: c.UpdateCost,
	}
}

// register lets clients name the operations of the file that the settings name.
func register(handler *transport.Handler, c config.Config, log *slog.Logger) error {
	if c.Operations == "" {
		return nil
	}
	registered, err := transport.ReadManifest(c.Operations, c.ServesOnlyRegistered())
	if err != nil {
		return err
	}
	if err := handler.Register(registered); err != nil {
		return err
	}
	log.Info("Operations are registered", "count", registered.Len(), "only", c.ServesOnlyRegistered())
	return nil
}
