package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/convenehq/convene/internal/config"
	"github.com/convenehq/convene/internal/embedded"
	"github.com/convenehq/convene/internal/token"
)

// serve brings a node up, on private services where the settings name none, and serves until it is
// stopped.
func serve(ctx context.Context, c config.Config, withBanner bool) (err error) {
	start := time.Now()
	log := newLogger(c)
	slog.SetDefault(log)
	if c.Keys != "" { // refused now, before anything is set up or migrated
		if _, err := token.ParseKeys(c.Keys); err != nil {
			return err
		}
	}
	// First the address: whoever holds it will not let go while we set services up.
	l, err := net.Listen("tcp", c.Addr)
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			err = errAddress
		}
		return fmt.Errorf("listen on %s: %w", c.Addr, err)
	}
	defer func() { _ = l.Close() }()
	operators, err := listenForOperators(c, log)
	if err != nil {
		return err
	}
	stopTracing, err := trace(ctx, c, log)
	if err != nil {
		return err
	}
	defer stopTracing()
	services, err := startServices(ctx, &c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, services.Close()) }()
	n, err := build(ctx, c, log)
	if err != nil {
		return err
	}
	defer n.shut()
	if err := n.seed(ctx); err != nil {
		return err
	}
	// Hashing the demo people's passwords took memory that is not needed again.
	debug.FreeOSMemory()
	if withBanner {
		banner(c, services, time.Since(start))
	} else {
		log.Info("Serving", "addr", c.Addr, "version", release(), "took", time.Since(start).Round(time.Millisecond))
	}
	go func() {
		select {
		case err := <-services.RedisFailed():
			log.Warn("The private Redis is gone; everything goes on without, until the next start", "error", err)
		case <-ctx.Done():
		}
	}()
	return n.serve(ctx, l, operators, services.Failed(), c.DrainDelay)
}

// startServices starts what the settings do not name, and puts it into them.
func startServices(ctx context.Context, c *config.Config) (*embedded.Services, error) {
	s, err := embedded.Start(ctx, embedded.Options{
		Dir: c.Data, PGBin: c.PGBin, RedisBin: c.RedisBin,
		NeedPG: c.DatabaseURL == "", NeedRedis: c.RedisURL == "", Log: say,
	})
	if err != nil {
		return nil, err
	}
	if c.DatabaseURL == "" {
		c.DatabaseURL = s.DatabaseURL
	}
	if c.RedisURL == "" {
		c.RedisURL = s.RedisURL
	}
	return s, nil
}

type seedCommand struct{}

// Run moves the demo people in.
func (seedCommand) Run(ctx context.Context, c config.Config) error {
	if c.IsProduction() {
		return errors.New("CONVENE_ENV is production, and the demo people are fictional")
	}
	if c.DatabaseURL == "" {
		return errors.New("this needs DATABASE_URL; a running convene prints its own")
	}
	if c.RedisURL == "" {
		c.RedisURL = "redis://127.0.0.1:1" // nobody listens: updates of other nodes come by their sweep
	}
	n, err := build(ctx, c, newLogger(c))
	if err != nil {
		return err
	}
	defer n.shut()
	if err := n.seed(ctx); err != nil {
		return err
	}
	say("The demo people are in.")
	return nil
}
