package network

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/block"
	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/messaging"
	"github.com/convenehq/convene/internal/profile"
	"github.com/convenehq/convene/internal/viewer"
)

// Service is the slice's use cases.
type Service struct {
	db        *db.DB
	accounts  *account.Service
	profiles  *profile.Service
	messaging *messaging.Service
	facts     *fact.Log
}

// New makes the slice.
func New(d *db.DB, accounts *account.Service, profiles *profile.Service, m *messaging.Service, facts *fact.Log) *Service {
	return &Service{db: d, accounts: accounts, profiles: profiles, messaging: m, facts: facts}
}

// standing counts the blocks between two people, either way, whoever made them.
func standing(ctx context.Context, tx *ent.Tx, a, b uuid.UUID) (int, error) {
	ctx = viewer.AsSystem(ctx, "count blocks in the other direction too")
	n, err := tx.Block.Query().Where(block.Or(
		block.And(block.BlockerID(a), block.BlockedID(b)),
		block.And(block.BlockerID(b), block.BlockedID(a)),
	)).Count(ctx)
	if err != nil {
		return 0, fmt.Errorf("count the blocks between two people: %w", err)
	}
	return n, nil
}

// lockPair locks the viewer's and the other's account and refuses if there is no such person.
func (s *Service) lockPair(ctx context.Context, tx *ent.Tx, me, other uuid.UUID) error {
	exist, err := s.accounts.Lock(ctx, tx, me, other)
	if err != nil {
		return err
	}
	if !slices.Contains(exist, other) {
		return noSuchPerson()
	}
	return nil
}

func noSuchPerson() error {
	return refuse(CodeNotFound, "There is no such person.", "input", "profileId")
}

// knows tells whether the viewer has any way of knowing that there is such a person: by their profile, by having
// blocked them, which hides the profile, or by a conversation that both are in.
func (s *Service) knows(ctx context.Context, other uuid.UUID) (bool, error) {
	visible, err := s.profiles.ByIDs(ctx, []uuid.UUID{other})
	if err != nil || visible[other] != nil {
		return err == nil, err
	}
	// The policy lets the viewer see blocks of their own alone.
	if blocked, err := s.db.Ent.Block.Query().Where(block.BlockedID(other)).Exist(ctx); err != nil || blocked {
		return err == nil, err
	}
	return s.messaging.Shares(ctx, other)
}
