package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/config"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/job"
	"github.com/convenehq/convene/internal/mail"
)

// mails makes what sends mails, and the mailbox where that is where they go.
func mails(
	c config.Config, d *db.DB, jobs *job.Queue, to func(context.Context, uuid.UUID) (mail.Recipient, error),
) (*mail.Mailer, *mail.Mailbox, error) {
	var sender mail.Sender
	var mailbox *mail.Mailbox
	switch {
	case !c.SendsMail():
	case c.SMTPURL != "":
		smtp, err := mail.NewSMTP(c.SMTPURL, c.MailFrom)
		if err != nil {
			return nil, nil, err
		}
		sender = smtp
	case c.IsProduction():
		return nil, nil, config.ErrNoMailServer
	default:
		mailbox = mail.NewMailbox(d)
		sender = mailbox
	}
	m, err := mail.New(jobs, mail.Options{Sender: sender, Recipient: to, URL: c.URL, From: c.MailFrom})
	return m, mailbox, err
}

type mailTestCommand struct {
	Address string `arg:"" help:"Where the mail goes: ada@example.org."`
}

// mailTestTime is how long one waits at the terminal for the test mail.
const mailTestTime = 30 * time.Second

// Run has a running node send a test mail, and says what became of it.
func (m mailTestCommand) Run(ctx context.Context, c config.Config) error {
	if !c.SendsMail() {
		return errors.New("CONVENE_MAIL is off: no mails are sent")
	}
	return withJobs(ctx, c, func(d *db.DB, jobs *job.Queue) error {
		mailer, _, err := mails(c, d, jobs, nil)
		if err != nil {
			return err
		}
		var id int64
		err = d.Tx(ctx, func(tx *ent.Tx) (err error) {
			id, err = mailer.Post(ctx, tx, mail.Letter{Template: mail.Test, To: m.Address})
			return err
		})
		if err != nil {
			return err
		}
		say("The mail is job %d. Waiting for a node to send it …", id)
		return awaitMail(ctx, jobs, id)
	})
}

func awaitMail(ctx context.Context, jobs *job.Queue, id int64) error {
	ctx, cancel := context.WithTimeout(ctx, mailTestTime)
	defer cancel()
	for {
		row, err := jobs.Find(ctx, id)
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("no node has sent it within %s: is one running? `convene jobs list` shows it", mailTestTime)
		case err != nil:
			return err
		case row.State == job.Done:
			say("It is sent.")
			return nil
		case row.State == job.Retrying:
			return fmt.Errorf("it could not be sent, and will be tried again: %s", row.LastError)
		case row.State == job.Discarded:
			return fmt.Errorf("it could not be sent, and will not be tried again: %s", row.LastError)
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}
