// Command withservices runs a command with one throw-away PostgreSQL and Redis that all of it shares:
//
//	go run ./internal/testkit/withservices go test ./...
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/convenehq/convene/internal/embedded"
	"github.com/convenehq/convene/internal/testkit"
)

func main() {
	code, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func run(command []string) (int, error) {
	if len(command) == 0 {
		return 2, errors.New("name a command to run, for example: withservices go test ./...")
	}
	needPG, needRedis := os.Getenv(testkit.DatabaseEnv) == "", os.Getenv(testkit.RedisEnv) == ""
	if needPG || needRedis {
		s, err := embedded.Start(context.Background(), embedded.Options{
			NeedPG: needPG, NeedRedis: needRedis, Throwaway: true,
			Log: func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) },
		})
		if err != nil {
			return 1, err
		}
		defer func() { _ = s.Close() }()
		if needPG {
			_ = os.Setenv(testkit.DatabaseEnv, s.DatabaseURL)
		}
		if needRedis {
			_ = os.Setenv(testkit.RedisEnv, s.RedisURL)
		}
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	if err != nil {
		return 1, fmt.Errorf("run %s: %w", command[0], err)
	}
	return 0, nil
}
