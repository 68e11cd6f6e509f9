package account

import (
	"context"
	"fmt"
	"math"
	"time"

	"entgo.io/ent/dialect/sql"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/onetimetoken"
	"github.com/convenehq/convene/internal/fault"
)

// mostLinks is how many links an account gets within linkPeriod. The rows of the links are the count: it holds over
// all nodes, and over their restarts.
const mostLinks = 5

// linkWait is how long an account has to wait for its next link, under the account's lock.
func (s *Service) linkWait(ctx context.Context, tx *ent.Tx, of *ent.Account) (time.Duration, error) {
	since := s.now().Add(-linkPeriod)
	recent, err := tx.OneTimeToken.Query().
		Where(
			onetimetoken.AccountID(of.ID), onetimetoken.CreatedAtGT(since),
			onetimetoken.PurposeNEQ(onetimetoken.PurposeUNDO_EMAIL), // comes with another one
		).
		Order(onetimetoken.ByCreatedAt(sql.OrderDesc())).Limit(mostLinks).All(ctx)
	if err != nil {
		return 0, fmt.Errorf("count the account's links: %w", err)
	}
	if len(recent) < mostLinks {
		return 0, nil
	}
	return recent[mostLinks-1].CreatedAt.Sub(since), nil
}

// requireLink refuses somebody who is signed in and has had all links for now.
func (s *Service) requireLink(ctx context.Context, tx *ent.Tx, of *ent.Account) error {
	wait, err := s.linkWait(ctx, tx, of)
	if err != nil || wait <= 0 {
		return err
	}
	wait = time.Duration(math.Ceil(wait.Seconds())) * time.Second
	return &fault.Error{
		Code: fault.CodeRateLimited, RetryAfter: wait,
		Message: fmt.Sprintf("Enough mails are on their way. Try again in %d s.", int(wait.Seconds())),
	}
}
