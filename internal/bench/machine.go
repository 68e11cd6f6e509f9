package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
)

// A machine is on what was measured, and in what state it was.
type machine struct {
	processor string
	load      string
	others    float64 // the share of the processors that was taken before anything was measured
	database  string
	redis     string
}

// lookAround notes the state of the machine before the run changes it.
func lookAround(ctx context.Context) (machine, error) {
	before := usageNow()
	if err := wait(ctx, 500*time.Millisecond); err != nil {
		return machine{}, err
	}
	m := machine{processor: processor(), load: "unknown", others: usageNow().othersSince(before)}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.load = strings.Join(strings.Fields(string(text))[:3], " ")
	}
	return m, nil
}

func (m machine) print(out io.Writer) {
	fmt.Fprintf(out, "\n%s, %d cores, %s/%s, %s\n", m.processor, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	fmt.Fprintf(out, "Load average %s, other programs took %s of the processors before the start\n", m.load, share(m.others))
	if m.database != "" {
		fmt.Fprintf(out, "%s; %s\n", m.database, m.redis)
	}
	fmt.Fprintln(out)
}

func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo") // Linux alone has it
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "Unknown processor"
}
