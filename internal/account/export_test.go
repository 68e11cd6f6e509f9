package account

import "context"

// RequireRecent is what use cases ask before anything dear.
func (s *Service) RequireRecent(ctx context.Context) error { return s.requireRecent(ctx) }
