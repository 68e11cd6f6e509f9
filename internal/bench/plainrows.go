package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/convenehq/convene/internal/db"
)

// plainClients is how many clients pgbench has.
const plainClients = 16

// plainRows is PostgreSQL's own benchmark, with the plainest way to keep a message: what this disk and this
// PostgreSQL give to anybody.
type plainRows struct {
	program, script, database string
}

const plainScript = `\set seq random(1, 1000000000)
INSERT INTO bench_rows (conversation_id, seq, author_id, idempotency_key, input_mac, body) VALUES (
	'018f2c3e-7b1a-7c3d-9e4f-5a6b7c8d9e0f', :seq, '018f2c3e-7b1a-7c3d-9e4f-5a6b7c8d9e10', '7f3a9c-12-3456',
	'\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
	'Shall we meet for lunch at a quarter past twelve? The noodle place by the river has a table.');
`

// newPlainRows finds pgbench beside PostgreSQL's other programs. Without it the absence says so.
func newPlainRows(ctx context.Context, h *house, d *db.DB) (p *plainRows, absence string, err error) {
	program := filepath.Join(h.backend.programs, "pgbench")
	if _, err := os.Stat(program); err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, "", fmt.Errorf("look for pgbench: %w", err)
		}
		return nil, "no ratio: there is no pgbench beside PostgreSQL", nil
	}
	if err := makePlainTable(ctx, d); err != nil {
		return nil, "", err
	}
	script, err := os.CreateTemp("", "convene-bench-*.sql")
	if err != nil {
		return nil, "", fmt.Errorf("write pgbench's script: %w", err)
	}
	_, err = script.WriteString(plainScript)
	if err = errors.Join(err, script.Close()); err != nil {
		return nil, "", fmt.Errorf("write pgbench's script: %w", errors.Join(err, os.Remove(script.Name())))
	}
	return &plainRows{program, script.Name(), h.services.DatabaseURL}, "", nil
}

func (p *plainRows) close() {
	if p != nil {
		_ = os.Remove(p.script)
	}
}

var rateLine = regexp.MustCompile(`(?m)^tps = ([0-9.]+)`)

// insert lets pgbench insert for a while, with prepared statements, which is the fastest that it knows.
func (p *plainRows) insert(ctx context.Context, d time.Duration) (perSecond float64, err error) {
	seconds := strconv.Itoa(max(1, int(math.Round(d.Seconds()))))
	cmd := exec.CommandContext(ctx, p.program, "--no-vacuum", "--protocol=prepared", "--jobs=2",
		"--client="+strconv.Itoa(plainClients), "--time="+seconds, "--file="+p.script, p.database)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("run pgbench: %w: %.500s", err, out)
	}
	found := rateLine.FindAllSubmatch(out, -1)
	if len(found) == 0 {
		return 0, fmt.Errorf("run pgbench: it says no rate: %.500s", out)
	}
	// Older ones say two, the last without the time to connect.
	return strconv.ParseFloat(string(found[len(found)-1][1]), 64)
}
