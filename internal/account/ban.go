package account

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/audit"
	"github.com/convenehq/convene/internal/fault"
)

// maxBanReason is how long a reason may be, in characters.
const maxBanReason = 500

// Ban keeps an account out until it is unbanned, hides it from everybody, and ends its sessions: requests are refused and sockets cut
// within about a second, on every node. Banning again replaces the reason.
func (s *Service) Ban(ctx context.Context, in BanAccountInput) (*ent.Account, error) {
	reason := strings.TrimSpace(in.Reason)
	if n := utf8.RuneCountInString(reason); n < 1 || n > maxBanReason || !utf8.ValidString(reason) || strings.Contains(reason, "\x00") {
		return nil, fault.BadRequest([]string{"input", "reason"}, "A reason has 1 to %d characters.", maxBanReason)
	}
	return s.overseen(ctx, in.AccountID, func(sys context.Context, tx *ent.Tx, before *ent.Account) (*ent.Account, error) {
		if before.BannedAt != nil && before.BanReason != nil && *before.BanReason == reason {
			return before, nil
		}
		change := tx.Account.UpdateOne(before).SetBanReason(reason).AddVersion(1)
		if before.BannedAt == nil {
			change.SetBannedAt(s.now())
		}
		row, err := change.Save(sys)
		if err != nil {
			return nil, fmt.Errorf("write the ban: %w", err)
		}
		if err := s.showOrHide(sys, tx, row); err != nil {
			return nil, err
		}
		diff := audit.Diff{"ban_reason": audit.FromTo(before.BanReason, row.BanReason)}
		if before.BannedAt == nil {
			diff["banned_at"] = audit.FromTo(nil, row.BannedAt)
		}
		if err := s.endAll(sys, tx, row.ID, diff); err != nil {
			return nil, err
		}
		return row, s.changed(ctx, tx, audit.AccountBanned, row, diff)
	})
}
