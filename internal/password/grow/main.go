// Command grow makes common.bin of words.txt, for go generate.
package main

import (
	"fmt"
	"os"

	"github.com/convenehq/convene/internal/password"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "grow:", err)
		os.Exit(1)
	}
}

func run() error {
	words, err := os.Open("words.txt")
	if err != nil {
		return fmt.Errorf("open the words: %w", err)
	}
	defer func() { _ = words.Close() }()
	out, err := os.Create("common.bin")
	if err != nil {
		return fmt.Errorf("make the file: %w", err)
	}
	n, err := password.Grow(words, out)
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, n, "passwords")
	return out.Close()
}
