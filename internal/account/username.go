package account

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/profile"
)

// usernames have separators between letters or digits only, one at a time.
var usernameForm = regexp.MustCompile(`^[a-z0-9]+([._][a-z0-9]+)*$`)

// reserved are usernames by which somebody could pass for the service, or that programs stumble over, as they look
// like. They are answered as taken: the service has them.
var reserved = func() map[string]bool {
	all := map[string]bool{}
	for w := range strings.FieldsSeq(`
		abuse account accounts admin administrator administrators admins anonymous api app auth billing blog bot
		bots channel contact convene convener daemon deleted dev dns docs email everybody everyone feedback ftp graphql guest
		health help helpdesk here home hostmaster imap info invite invites legal login logout mail mailer me metrics mod
		moderation moderator moderators mods news newsletter nobody none noreply notification notifications null oauth official operator
		owner password payments pop postmaster press privacy register robot root sales security service settings signin
		signout signup smtp ssl staff status superuser support sysadmin sysop system team terms test undefined unknown
		update updates usenet user username uucp verify verified viewer web webmaster webmail welcome www you`) {
		all[profile.Imitation(w)] = true
	}
	return all
}()

// isReserved tells a name that is the service's, or that could be taken for one that is.
func isReserved(username string) bool { return reserved[profile.Imitation(username)] }

func checkUsername(s string) (username, problem string) {
	username = foldUsername(s)
	switch {
	case len(username) < 3 || len(username) > 30:
		return username, "A username has 3 to 30 characters."
	case !usernameForm.MatchString(username):
		return username, "A username has letters from a to z and digits, and single dots or underscores between them."
	}
	return username, ""
}

// foldUsername takes the case away from ASCII letters alone: Unicode's folding would make a K of the
// Kelvin sign, and of a name that is not allowed somebody else's.
func foldUsername(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, strings.Trim(s, " "))
}

// alike are the accounts whose usernames the eye can not tell from a new one, and of those who look after the service
// also the ones that it could only seem to be. One's own is no other's.
const alike = `SELECT EXISTS (SELECT 1 FROM accounts WHERE username_look(username) = username_look($1) AND id <> $2)
	OR EXISTS (SELECT 1 FROM accounts WHERE role <> 'USER' AND username_imitation(username) = username_imitation($1) AND id <> $2)`

// isTaken tells whether somebody has a username, or one that looks the same, or has given it up of late.
func (s *Service) isTaken(ctx context.Context, username string) (taken bool, err error) {
	if !usernameForm.MatchString(username) { // nobody has one like that
		return false, nil
	}
	if err := s.db.SQL.QueryRowContext(ctx, alike, username, uuid.Nil).Scan(&taken); err != nil {
		return false, fmt.Errorf("look whether the username is taken: %w", err)
	}
	if taken {
		return true, nil
	}
	return s.isKept(ctx, s.db.Ent.UsernameReservation.Query(), username, uuid.Nil)
}

// holdUsername refuses a username that somebody else than the account has, or one that looks the same, and keeps others
// from taking such a one until the end of the transaction.
func (s *Service) holdUsername(ctx context.Context, tx *ent.Tx, username string, of uuid.UUID) error {
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(hashtextextended(username_look($1), 31))", username); err != nil {
		return fmt.Errorf("lock the username: %w", err)
	}
	rows, err := tx.QueryContext(ctx, alike, username, of)
	if err != nil {
		return fmt.Errorf("look whether the username is taken: %w", err)
	}
	defer func() { _ = rows.Close() }()
	taken := false
	for rows.Next() {
		if err := rows.Scan(&taken); err != nil {
			return fmt.Errorf("read whether the username is taken: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read whether the username is taken: %w", err)
	}
	if taken {
		return refuse(CodeUsernameTaken, usernameTaken, "input", "username")
	}
	return nil
}
