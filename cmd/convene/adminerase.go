package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/config"
)

type showCommand struct{ whom }

// Run shows how an account stands.
func (s showCommand) Run(ctx context.Context, c config.Config) error {
	return s.withAccount(ctx, c, func(_ context.Context, _ office, of *ent.Account) error {
		w := table(os.Stdout, "ACCOUNT", "USERNAME", "STATUS", "ROLE", "CREATED", "DEACTIVATED", "BANNED", "ERASED AFTER")
		cells(w, string(of.GlobalID()), "@"+of.Username, strings.ToLower(string(account.StatusOf(of))), strings.ToLower(string(of.Role)),
			moment(of.CreatedAt), momentOrNone(of.DeactivatedAt), momentOrNone(of.BannedAt), momentOrNone(of.EraseAfter))
		return w.Flush()
	})
}

func momentOrNone(at *time.Time) string {
	if at == nil {
		return "-"
	}
	return moment(*at)
}

type eraseCommand struct {
	whom
	Yes bool `help:"You are sure: after the grace nothing brings it back but a backup."`
	Now bool `help:"Without a grace: with the next run of the erasing, an hour from now at most."`
}

// Run has an account erased, for somebody who asked for it and can not do so themselves.
func (e eraseCommand) Run(ctx context.Context, c config.Config) error {
	if !e.Yes {
		return errors.New("this erases what somebody wrote and all that is known of them: say --yes if you are sure")
	}
	return e.withAccount(ctx, c, func(ctx context.Context, o office, to *ent.Account) error {
		row, err := o.accounts.EraseOf(ctx, account.EraseAccountInput{AccountID: to.GlobalID(), Now: e.Now})
		if err != nil {
			return err
		}
		say("@%s is hidden and signed out everywhere, and will be erased after %s. Until then signing in with `reactivate` calls it off.",
			row.Username, moment(*row.EraseAfter))
		return nil
	})
}
