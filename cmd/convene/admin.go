package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/migrate"
	"github.com/convenehq/convene/graph"
	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/audit"
	"github.com/convenehq/convene/internal/config"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fact"
	"github.com/convenehq/convene/internal/invite"
	"github.com/convenehq/convene/internal/job"
	"github.com/convenehq/convene/internal/profile"
	"github.com/convenehq/convene/internal/token"
	"github.com/convenehq/convene/internal/viewer"
)

type adminCommand struct {
	Grant         grantCommand         `cmd:"" help:"Give an account a role. Example: convene admin grant @ada moderator"`
	Ban           banCommand           `cmd:"" help:"Keep an account out, and sign it out everywhere. Example: convene admin ban @ada --reason 'Sells things by message'"`
	Unban         unbanCommand         `cmd:"" help:"Let a banned account sign in again. Example: convene admin unban @ada"`
	Show          showCommand          `cmd:"" help:"Show how an account stands. Example: convene admin show @ada"`
	Erase         eraseCommand         `cmd:"" help:"Erase an account after the grace. Example: convene admin erase @ada --yes"`
	ResetPassword resetPasswordCommand `cmd:"" help:"Give an account a new password, print it once, and sign the account out everywhere. Example: convene admin reset-password ada@example.org"`
	SendReset     sendResetCommand     `cmd:"" help:"Have a running node send somebody a link to a new password. Example: convene admin send-reset @ada"`
	Sessions      sessionsCommand      `cmd:"" help:"Show where an account is signed in, or end that. Example: convene admin sessions @ada --revoke-all"`
	Invite        inviteCommand        `cmd:"" help:"Make a code with which others can join, such as the first where nobody joins without one; or end a code. Example: convene admin invite --uses 5 --days 7"`
	Audit         auditCommand         `cmd:"" help:"Show who did what to whom, the latest first. Example: convene admin audit --account @ada --since 24h"`
	NewEpoch      newEpochCommand      `cmd:"" help:"Tell every client that resumes to refetch: needed after a restore of data only, or of a volume's snapshot. Example: convene admin new-epoch"`
	MailTest      mailTestCommand      `cmd:"" help:"Have a running node send a test mail, and say what became of it. Example: DATABASE_URL=… convene admin mail-test ada@example.org"`
}

// office is what the operator works with.
type office struct {
	db       *db.DB
	facts    *fact.Log
	accounts *account.Service
	invites  *invite.Service
	profiles *profile.Service
	// mails tells whether letters that are posted here are sent.
	mails bool
}

// asOperator does something as the operator, on a database that is up to date.
func asOperator(ctx context.Context, c config.Config, do func(context.Context, office) error) error {
	return withDB(ctx, c, func(d *db.DB) error {
		have, want, err := d.MigrationState(ctx, migrate.Files)
		if err != nil {
			return err
		}
		switch {
		case have < want:
			return fmt.Errorf("the database is at migration %d and this binary needs %d: say `convene migrate up` first", have, want)
		case have > want:
			return fmt.Errorf("the database is at migration %d and this binary knows %d: use a newer one", have, want)
		}
		// Nothing is signed here, so the operator needs none of the nodes' keys.
		secrets, err := token.ParseKeys(token.NewKey())
		if err != nil {
			return err
		}
		ring, err := token.NewRing(secrets...)
		if err != nil {
			return err
		}
		jobs, err := job.New(d, job.Options{})
		if err != nil {
			return err
		}
		// Posted here, sent by a node. Without a word of mails in the settings of this terminal none are.
		mailer, _, err := mails(c, d, jobs, nil)
		if err != nil && !errors.Is(err, config.ErrNoMailServer) {
			return err
		}
		// Whoever runs as a node wakes its consumers; this one only stores.
		facts := fact.New(d, graph.Catalogue(), fact.Options{})
		o := office{db: d, facts: facts, profiles: profile.New(d, facts), mails: mailer != nil && c.SendsMail()}
		o.invites = invite.New(d, ring, o.profiles, facts, inviting(c, nil))
		o.accounts = account.New(d, ring, o.profiles, facts, account.Options{Mail: mailer, Jobs: jobs, EraseAfter: c.EraseAfter})
		return do(viewer.AsOperator(ctx), o)
	})
}

// whom is the argument of whose account it is about.
type whom struct {
	Account string `arg:"" help:"@username, e-mail address, or global id."`
}

// withAccount does something as the operator with the account that the argument means.
func (w whom) withAccount(ctx context.Context, c config.Config, do func(context.Context, office, *ent.Account) error) error {
	return asOperator(ctx, c, func(ctx context.Context, o office) error {
		found, err := o.accounts.Find(ctx, w.Account)
		if err != nil {
			return err
		}
		return do(ctx, o, found)
	})
}

type newEpochCommand struct{}

// Run gives the database a new epoch.
func (newEpochCommand) Run(ctx context.Context, c config.Config) error {
	return asOperator(ctx, c, func(ctx context.Context, o office) error {
		err := o.db.Tx(ctx, func(tx *ent.Tx) error {
			if err := db.NewEpoch(ctx, tx); err != nil {
				return err
			}
			return audit.Write(ctx, tx, audit.Entry{Action: audit.EpochRenewed, Target: audit.Target{Kind: "database"}})
		})
		if err != nil {
			return err
		}
		say("Done. Running nodes notice within a few seconds.")
		return nil
	})
}
