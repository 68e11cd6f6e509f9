// Package rehearsal is what drills and chaos share: nodes of the built program as processes, a fleet of them
// behind a load balancer, clients that speak to them over real sockets, and a report that fails.
package rehearsal

import (
	"context"
	"fmt"
	"os/exec"
	"time"
)

const mainPackage = "github.com/convenehq/convene/cmd/convene"

// Build builds the program from a checkout.
func Build(ctx context.Context, source, program string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", program, mainPackage)
	cmd.Dir = source
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the program: %w\n%.2000s", err, out)
	}
	return nil
}

// Wait lets time pass, unless the context ends before.
func Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
