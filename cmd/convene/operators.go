package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/convenehq/convene/internal/config"
	"github.com/convenehq/convene/internal/telemetry"
)

// exportTime is how long the last traces may take to leave when a node stops.
const exportTime = 3 * time.Second

// trace begins to send traces where the settings say so; the function that it returns sends what is left.
func trace(ctx context.Context, c config.Config, log *slog.Logger) (stop func(), err error) {
	if !c.Traces.IsOn() {
		return func() {}, nil
	}
	end, err := telemetry.Export(ctx, log)
	if err != nil {
		return nil, err
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), exportTime)
		defer cancel()
		if err := end(ctx); err != nil {
			log.Warn("The last traces could not be sent", "error", err)
		}
	}, nil
}

// listenForOperators opens the address that is for operators alone; nil if there is none.
func listenForOperators(c config.Config, log *slog.Logger) (net.Listener, error) {
	if c.MetricsAddr == "" {
		if c.IsProduction() {
			log.Info("Nobody can read /metrics: set CONVENE_METRICS_ADDR to an address that only operators reach")
		}
		return nil, nil
	}
	l, err := net.Listen("tcp", c.MetricsAddr)
	if err != nil {
		return nil, fmt.Errorf("listen for operators on %s (CONVENE_METRICS_ADDR): %w", c.MetricsAddr, err)
	}
	return l, nil
}
