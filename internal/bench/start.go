package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// mostMemory is what Convene may hold while nobody asks anything.
const mostMemory = 80 // MB

// measureStart builds the program and starts it as a developer does: on private services, with the demo's
// people, first in an empty folder and then again in the same one.
func measureStart(ctx context.Context, b *bench) (rows []row, err error) {
	folder, err := os.MkdirTemp("", folderPrefix)
	if err != nil {
		return nil, fmt.Errorf("make a folder for the program: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	program := filepath.Join(folder, "convene")
	if err := build(ctx, program); err != nil {
		return nil, err
	}
	cold := row{what: "cold start of the built binary until /readyz", unit: "s", goal: below(2, "s")}
	warm := row{what: "warm start of the built binary until /readyz", unit: "s", goal: below(1, "s")}
	first := row{what: "idle memory of Convene after a cold start", unit: "MB", goal: below(mostMemory, "MB")}
	later := row{what: "idle memory of Convene after a warm start", unit: "MB", goal: below(mostMemory, "MB")}
	for round := range rounds {
		b.say("start: round %d of %d", round+1, rounds)
		data, err := dataFolder()
		if err != nil {
			return rows, err
		}
		var took, memory [2]float64
		for i := range took {
			if took[i], memory[i], err = startOnce(ctx, program, data); err != nil {
				return rows, errors.Join(err, deleteFolder(data))
			}
		}
		if err := deleteFolder(data); err != nil {
			return rows, err
		}
		cold.values, warm.values = append(cold.values, took[0]), append(warm.values, took[1])
		if memory[1] > 0 {
			first.values, later.values = append(first.values, memory[0]), append(later.values, memory[1])
		}
	}
	return []row{cold, warm, first, later}, nil
}

func build(ctx context.Context, program string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", program, "github.com/convenehq/convene/cmd/convene")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the program: %w\n%.2000s", err, out)
	}
	return nil
}

// startOnce starts the program, waits until it is ready and then idle, and stops it. Memory is zero where
// the system does not tell.
func startOnce(ctx context.Context, program, data string) (seconds, memory float64, err error) {
	l, err := anyPort(ctx)
	if err != nil {
		return 0, 0, err
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil { // nobody else takes it so soon
		return 0, 0, err
	}
	cmd := exec.CommandContext(ctx, program)
	cmd.Env = append(cleanEnvironment(), "ADDR="+address, "CONVENE_DATA="+data)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 30 * time.Second
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, fmt.Errorf("start the program: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	if err := untilReady(ctx, address, ended); err != nil {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		return 0, 0, fmt.Errorf("%w; it said:\n%.2000s", err, said.Bytes())
	}
	seconds = time.Since(began).Seconds()
	// What the start used is given back, or is not, within two seconds.
	if err := wait(ctx, 2*time.Second); err == nil {
		memory, _ = residentMB(cmd.Process.Pid)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return seconds, memory, fmt.Errorf("stop the program: %w", err)
	}
	if err := <-ended; err != nil {
		return seconds, memory, fmt.Errorf("stop the program: %w; it said:\n%.2000s", err, said.Bytes())
	}
	return seconds, memory, ctx.Err()
}

func untilReady(ctx context.Context, address string, ended <-chan error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for !isReady(ctx, address) {
		select {
		case err := <-ended:
			return fmt.Errorf("the program ended before it was ready: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("wait for the program: %w", ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

func isReady(ctx context.Context, address string) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct{ Status string }
	return json.NewDecoder(response.Body).Decode(&answer) == nil && answer.Status == "ready"
}

// cleanEnvironment is ours without the settings of another run, but with where the services' programs are.
func cleanEnvironment() []string {
	var kept []string
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		switch {
		case name == "CONVENE_PG_BIN", name == "CONVENE_REDIS_BIN":
		case name == "ADDR", name == "DATABASE_URL", name == "REDIS_URL", strings.HasPrefix(name, "CONVENE_"):
			continue
		}
		kept = append(kept, pair)
	}
	return kept
}
