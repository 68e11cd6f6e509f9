package main

import (
	"context"
	"errors"
	"net"
	"os"

	"github.com/convenehq/convene/internal/embedded"
)

// services are the PostgreSQL and the Redis of a run, which no node owns.
type services struct {
	postgres *embedded.Services

	redis carrier
}

// A carrier is the Redis of a run, whatever it is made of.
type carrier interface {
	// dialers open a connection, one for each of its servers.
	dialers() []dialer
	start(ctx context.Context) error
	// stop stops it, and what it had is gone.
	stop() error
	// close stops it for good.
	close() error
	// tell gives a command to each of its servers. One that is stopped need not be told anything.
	tell(ctx context.Context, words ...string) error
}

type dialer func(context.Context) (net.Conn, error)

func startServices(ctx context.Context, isCluster bool, say func(string, ...any)) (s *services, err error) {
	s = &services{redis: &plain{}}
	if isCluster {
		s.redis = &cluster{}
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	s.postgres, err = embedded.Start(ctx, embedded.Options{
		PGBin: os.Getenv("CONVENE_PG_BIN"), NeedPG: true, Throwaway: true, Log: say,
	})
	if err != nil {
		return s, err
	}
	return s, s.redis.start(ctx)
}

func (s *services) close() error {
	err := s.redis.close()
	if s.postgres != nil {
		err = errors.Join(err, s.postgres.Close())
	}
	return err
}
