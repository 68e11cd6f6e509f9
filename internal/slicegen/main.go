// Command slicegen begins a slice: its package, its schema, its resolvers and its tests, with one example
// use case from the schema to the rule, wired into the graph.
//
//	go run ./internal/slicegen circle
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "Name the slice, for example: go run ./internal/slicegen circle")
		os.Exit(2)
	}
	name := os.Args[1]
	err := begin(context.Background(), ".", name)
	if err == nil {
		err = explain(os.Stdout, name)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "Begin the slice %s: %v\n", name, err)
		os.Exit(1)
	}
}

// begin writes the slice into the module at root and generates what follows from it.
func begin(ctx context.Context, root, name string) error {
	if err := check(root, name); err != nil {
		return err
	}
	if err := write(root, name); err != nil {
		return err
	}
	if err := register(root, name); err != nil {
		return err
	}
	if err := run(ctx, root, "go", "run", "./graph/gqlgen"); err != nil {
		return err
	}
	return run(ctx, root, "go", "generate", "./graph/printschema")
}

func run(ctx context.Context, dir string, command ...string) error {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", command, err, out)
	}
	return nil
}
