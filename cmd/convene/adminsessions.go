package main

import (
	"context"
	"io"
	"os"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/config"
)

type sessionsCommand struct {
	whom
	Revoke    string `xor:"revoke" placeholder:"ID" help:"End this one of the sessions."`
	RevokeAll bool   `xor:"revoke" help:"End all of the sessions."`
}

// Run shows where an account is signed in, or ends that.
func (s sessionsCommand) Run(ctx context.Context, c config.Config) error {
	return s.withAccount(ctx, c, func(ctx context.Context, o office, of *ent.Account) error {
		if s.Revoke == "" && !s.RevokeAll {
			rows, err := o.accounts.SessionsOf(ctx, of.GlobalID())
			if err != nil {
				return err
			}
			if len(rows) == 0 {
				say("@%s is signed in nowhere.", of.Username)
				return nil
			}
			return printSessions(os.Stdout, rows)
		}
		in := account.RevokeAccountSessionsInput{AccountID: of.GlobalID()}
		if s.Revoke != "" {
			in.SessionID = new(relay.ID(s.Revoke))
		}
		n, err := o.accounts.RevokeOf(ctx, in)
		if err != nil {
			return err
		}
		say("%s of @%s ended. Running nodes cut their connections within about a second.", count(n, "session"), of.Username)
		return nil
	})
}

func printSessions(to io.Writer, rows []*ent.AuthSession) error {
	w := table(to, "SESSION", "DEVICE", "NETWORK", "CREATED", "LAST USED", "ENDS UNLESS USED")
	for _, row := range rows {
		cells(w, string(row.GlobalID()), short(row.DeviceLabel, 40), row.IPPrefix, moment(row.CreatedAt), moment(row.LastUsedAt), moment(row.ExpiresAt))
	}
	return w.Flush()
}
