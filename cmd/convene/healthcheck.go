package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/convenehq/convene/internal/config"
)

type healthcheckCommand struct {
	Ready bool `help:"Ask whether requests are welcome here, which needs PostgreSQL, and not only whether the process answers."`
}

// Run asks the node on this machine, and fails if the answer is bad.
func (h healthcheckCommand) Run(ctx context.Context, c config.Config) error {
	path := "/healthz"
	if h.Ready {
		path = "/readyz"
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+nearby(c.Addr)+path, nil)
	if err != nil {
		return fmt.Errorf("ask the node at %s: %w", c.Addr, err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("the node does not answer: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the node answers %s", answer.Status)
	}
	return nil
}

// nearby is where to reach what listens at an address: one that stands for every interface is reached by
// the loopback. Not by the name localhost, which an image without a system can not resolve.
func nearby(addr string) string {
	host, port, _ := net.SplitHostPort(addr) // the settings have been checked
	switch host {
	case "", "0.0.0.0":
		host = "127.0.0.1"
	case "::":
		host = "::1"
	}
	return net.JoinHostPort(host, port)
}
