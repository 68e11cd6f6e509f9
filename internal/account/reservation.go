package account

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/usernamereservation"
)

// reservedFor is for how long a username is kept from others after its owner gave it up or was erased.
const reservedFor = 30 * 24 * time.Hour

// reservationPurpose is that of the keyed hash of a reserved name: no name stands in the table.
const reservationPurpose = "account/username/reservation"

// reserve keeps a name that nobody has any longer from everybody but its former owner; the zero id is nobody.
func (s *Service) reserve(ctx context.Context, tx *ent.Tx, username string, formerOwner uuid.UUID) error {
	now := s.now()
	row := tx.UsernameReservation.Create().SetCreatedAt(now).
		SetNameMAC(s.ring.MAC(reservationPurpose, []byte(username))).SetEndsAt(now.Add(reservedFor))
	if formerOwner != uuid.Nil {
		row.SetAccountID(formerOwner)
	}
	if err := row.Exec(ctx); err != nil {
		return fmt.Errorf("reserve the username: %w", err)
	}
	return nil
}

// isKept tells whether a name is reserved for somebody else. Whoever takes a name asks once more after having
// written it: whoever gives a name up reserves it in the transaction that makes it free.
func (s *Service) isKept(ctx context.Context, reservations *ent.UsernameReservationQuery, username string, from uuid.UUID) (bool, error) {
	kept, err := reservations.Where(
		usernamereservation.NameMACIn(s.ring.MACs(reservationPurpose, []byte(username))...),
		usernamereservation.ReleasedAtIsNil(), usernamereservation.EndsAtGT(s.now()),
		usernamereservation.Or(usernamereservation.AccountIDIsNil(), usernamereservation.AccountIDNEQ(from)),
	).Exist(ctx)
	if err != nil {
		return false, fmt.Errorf("look whether the username is reserved: %w", err)
	}
	return kept, nil
}
