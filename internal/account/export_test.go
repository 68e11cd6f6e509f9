package account

import (
	"context"
	"net/netip"
)

// RequireRecent is what use cases ask before anything dear.
func (s *Service) RequireRecent(ctx context.Context) error { return s.requireRecent(ctx) }

// NetworkOf is what is kept of an address.
func NetworkOf(from netip.Prefix) string { return networkOf(from) }
