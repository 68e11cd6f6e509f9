package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/config"
	"github.com/convenehq/convene/internal/invite"
	"github.com/convenehq/convene/internal/mail"
)

// inviting is how people are let in, as the settings have it.
func inviting(c config.Config, mailer *mail.Mailer) invite.Options {
	return invite.Options{
		Mail: mailer, URL: strings.TrimSuffix(c.URL, "/"), IsInviteOnly: c.IsInviteOnly(), PerDay: c.InvitesPerAccount,
	}
}

type inviteCommand struct {
	Uses   int    `default:"1" help:"How many may join with it, 1 to 100."`
	Days   int    `default:"14" help:"For how many days it is good, 1 to 90."`
	Revoke string `placeholder:"ID" help:"End this code instead of making one."`
}

// Run makes a code, or ends one. The code alone goes to the standard output, so that it can be piped to where it is needed.
func (i inviteCommand) Run(ctx context.Context, c config.Config) error {
	return asOperator(ctx, c, func(ctx context.Context, o office) error {
		if i.Revoke != "" {
			if _, err := o.invites.RevokeCode(ctx, invite.RevokeInviteCodeInput{InviteCodeID: relay.ID(i.Revoke)}); err != nil {
				return err
			}
			say("Nobody can join with it any more. Whoever has stays.")
			return nil
		}
		made, err := o.invites.CreateCode(ctx, invite.CreateInviteCodeInput{MaxUses: i.Uses, ValidForDays: i.Days})
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "Until %s, this lets in %d; its page is %s. To end it before: convene admin invite --revoke %s\n",
			moment(made.Row.ExpiresAt), i.Uses, made.URL, made.Row.GlobalID())
		say("%s", made.Code)
		return nil
	})
}
