package job

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestQuiet(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := quiet(slog.New(slog.NewTextHandler(&out, nil)))
	log.Info("started")
	for range 5 {
		log.With("queue", "mail").Error("away")
		log.WithGroup("leader").Error("away")
	}
	log.Error("interrupted", "error", fmt.Errorf("begin: %w", context.Canceled))
	log.Warn("slow")
	if said := out.String(); strings.Count(said, "\n") != 2 || !strings.Contains(said, "away") || !strings.Contains(said, "slow") {
		t.Fatalf("said:\n%s", said)
	}
}
