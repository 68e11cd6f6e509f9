// Command convene is the whole backend in one binary. Without an argument it comes up for development on
// private services of its own.
package main

import (
	"fmt"
	"os"
	_ "time/tzdata" // an image without a system has no table of time zones
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "convene:", err)
		os.Exit(1)
	}
}
