package profile

import (
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fact"
)

// Service is the slice's use cases.
type Service struct {
	db    *db.DB
	facts *fact.Log
}

// New makes the slice.
func New(d *db.DB, facts *fact.Log) *Service { return &Service{db: d, facts: facts} }
