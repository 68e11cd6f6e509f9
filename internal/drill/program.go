package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/convenehq/convene/internal/rehearsal"
)

// buildTree builds the program of the working tree.
func buildTree(ctx context.Context, folder string) (string, error) {
	program := filepath.Join(folder, "convene-after")
	return program, rehearsal.Build(ctx, ".", program)
}

// buildRevision builds the program as it was at a revision, from a copy: the checkout stays as it is, and
// git has nothing to tidy up when a drill is killed.
func buildRevision(ctx context.Context, folder, revision string) (string, error) {
	top, err := exec.CommandContext(ctx, "git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		return "", fmt.Errorf("find the checkout, which an upgrade needs to build an older revision: %w", err)
	}
	source := filepath.Join(folder, "before")
	cmd := exec.CommandContext(ctx, "git", "archive", "--format=tar", revision)
	cmd.Dir = string(top[:len(top)-1])
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", fmt.Errorf("copy revision %s: %w", revision, err)
	}
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("copy revision %s: %w", revision, err)
	}
	if err := errors.Join(unpack(out, source), cmd.Wait()); err != nil {
		return "", fmt.Errorf("copy revision %s: %w", revision, err)
	}
	program := filepath.Join(folder, "convene-before")
	return program, rehearsal.Build(ctx, source, program)
}

// unpack writes the plain files of an archive into a folder.
func unpack(from io.Reader, folder string) error {
	for archive := tar.NewReader(from); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg || !filepath.IsLocal(h.Name) {
			continue
		}
		name := filepath.Join(folder, h.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		f, err := os.Create(name)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, archive) //nolint:gosec // it is our own
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
}
