package profile

import "github.com/convenehq/convene/internal/db"

// Service is the slice's use cases.
type Service struct {
	db *db.DB
}

// New makes the slice.
func New(d *db.DB) *Service { return &Service{db: d} }
