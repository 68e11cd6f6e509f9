package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
)

// profile records where time and memory go until stop is called, if profiles were asked for.
func (b *bench) profile(name string) (stop func() error, err error) {
	if b.profiles == "" {
		return func() error { return nil }, nil
	}
	return profileInto(b.profiles, name)
}

// profileInto writes profiles of this process into a folder. Memory is counted from the start of the program:
// compare the two files with `go tool pprof -base`.
func profileInto(folder, name string) (stop func() error, err error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("make the folder of profiles: %w", err)
	}
	if err := writeMemory(folder, "allocs", name+".allocs-before"); err != nil {
		return nil, err
	}
	cpu, err := os.Create(filepath.Join(folder, name+".cpu"))
	if err != nil {
		return nil, fmt.Errorf("write a profile: %w", err)
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return nil, errors.Join(fmt.Errorf("begin a profile: %w", err), cpu.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return errors.Join(cpu.Close(), writeMemory(folder, "allocs", name+".allocs"),
			writeMemory(folder, "goroutine", name+".goroutines"))
	}, nil
}

func writeMemory(folder, what, name string) error {
	f, err := os.Create(filepath.Join(folder, name))
	if err != nil {
		return fmt.Errorf("write a profile: %w", err)
	}
	return errors.Join(pprof.Lookup(what).WriteTo(f, 0), f.Close())
}
