package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/config"
	"github.com/convenehq/convene/internal/viewer"
)

type grantCommand struct {
	whom
	Role string `arg:"" enum:"user,moderator,admin" help:"user, moderator or admin."`
}

// Run gives an account a role.
func (g grantCommand) Run(ctx context.Context, c config.Config) error {
	return g.withAccount(ctx, c, func(ctx context.Context, o office, to *ent.Account) error {
		row, err := o.accounts.Grant(ctx, account.GrantRoleInput{
			AccountID: to.GlobalID(), Role: viewer.Role(strings.ToUpper(g.Role)),
		})
		if err != nil {
			return err
		}
		say("@%s has the role %s. Running nodes know within a second.", row.Username, strings.ToLower(string(row.Role)))
		if row.Role.IsBelow(to.Role) {
			say("As that is less than before, they were signed out everywhere.")
		}
		return nil
	})
}

type banCommand struct {
	whom
	Reason string `required:"" help:"Why, for those who look after the service; the person is not told."`
}

// Run bans an account.
func (b banCommand) Run(ctx context.Context, c config.Config) error {
	return b.withAccount(ctx, c, func(ctx context.Context, o office, to *ent.Account) error {
		row, err := o.accounts.Ban(ctx, account.BanAccountInput{AccountID: to.GlobalID(), Reason: b.Reason})
		if err != nil {
			return err
		}
		say("@%s is banned and signed out everywhere. Running nodes cut their connections within about a second.", row.Username)
		return nil
	})
}

type unbanCommand struct{ whom }

// Run takes a ban back.
func (u unbanCommand) Run(ctx context.Context, c config.Config) error {
	return u.withAccount(ctx, c, func(ctx context.Context, o office, to *ent.Account) error {
		row, err := o.accounts.Unban(ctx, account.UnbanAccountInput{AccountID: to.GlobalID()})
		if err != nil {
			return err
		}
		say("@%s is not banned and may sign in.", row.Username)
		return nil
	})
}

type resetPasswordCommand struct{ whom }

// Run gives an account a new password. The password alone goes to the standard output, so that it can be
// piped to where it is needed and need not be seen.
func (r resetPasswordCommand) Run(ctx context.Context, c config.Config) error {
	return r.withAccount(ctx, c, func(ctx context.Context, o office, to *ent.Account) error {
		password, err := o.accounts.GivePassword(ctx, account.GivePasswordInput{AccountID: to.GlobalID()})
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "@%s is signed out everywhere. Their new password, which is shown this once:\n", to.Username)
		say("%s", password)
		return nil
	})
}

type sendResetCommand struct{ whom }

// Run has a link to a new password sent. Nobody but its person sees it.
func (r sendResetCommand) Run(ctx context.Context, c config.Config) error {
	return r.withAccount(ctx, c, func(ctx context.Context, o office, to *ent.Account) error {
		if !o.mails {
			return errors.New("no mails are sent by these settings: set SMTP_URL as the nodes have it, or say `convene admin reset-password`")
		}
		row, err := o.accounts.IssuePasswordReset(ctx, account.IssuePasswordResetInput{ProfileID: relay.NewID(ent.ProfilePrefix, to.ID)})
		if err != nil {
			return err
		}
		if !account.IsEmailVerified(row) {
			say("@%s has not proved their address: a running node sends the link for that first, and the other one once they have.", row.Username)
			return nil
		}
		say("A running node sends @%s a link to a new password. Their old one stays until they use it.", row.Username)
		return nil
	})
}
