package mail

import (
	"context"
	"errors"
	"fmt"
	netmail "net/mail"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/internal/job"
)

// Options are what a mailer is made of.
type Options struct {
	// Sender sends; nil means that this Convene sends no mails.
	Sender Sender
	// Recipient finds where mails to an account go. One without an address gets none.
	Recipient func(ctx context.Context, account uuid.UUID) (Recipient, error)
	// Link finds where a link goes and what it says. One without an address is not sent: it is of no use any more.
	Link func(ctx context.Context, token uuid.UUID) (Link, error)
	// URL is the public address, which links begin with.
	URL string
	// From is whom mails are from; the part behind the @ is that of their Message-IDs too.
	From string
}

// A Mailer takes letters and has them sent.
type Mailer struct {
	o      Options
	domain string
	kind   *job.Kind[posted]
}

// posted is a letter on its way. Its id makes the Message-ID.
type posted struct {
	ID uuid.UUID `json:"id"`
	Letter
}

// New makes a mailer whose letters are jobs of a queue.
func New(jobs *job.Queue, o Options) (*Mailer, error) {
	from, err := netmail.ParseAddress(o.From)
	if err != nil {
		return nil, fmt.Errorf("read the address that mails are from: %w", err)
	}
	o.URL = strings.TrimSuffix(o.URL, "/")
	m := &Mailer{o: o, domain: domain(from.Address)}
	// A queue of its own: a server that is slow to answer holds up nothing but mails.
	m.kind = job.Define(jobs, "mail.send", m.send, job.KindOptions{Queue: "mail", Timeout: 2 * sendTime})
	return m, nil
}

// Post has a letter sent once the transaction has committed. It answers the job's number; 0 where no mails
// are sent.
func (m *Mailer) Post(ctx context.Context, tx *ent.Tx, l Letter) (int64, error) {
	if m.o.Sender == nil {
		return 0, nil
	}
	if _, ok := letters[l.Template]; !ok {
		return 0, fmt.Errorf("post a letter: there is no template %s", l.Template)
	}
	if l.To != "" {
		if err := CheckAddress(l.To); err != nil {
			return 0, err
		}
	}
	return m.kind.Insert(ctx, tx, posted{uuid.Must(uuid.NewV7()), l})
}

// send writes and sends a letter.
func (m *Mailer) send(ctx context.Context, j job.Job[posted]) error {
	if m.o.Sender == nil {
		return job.Discard(errors.New("CONVENE_MAIL is off: no mails are sent"))
	}
	to, link, err := m.address(ctx, j.Args.Letter)
	if err != nil || to.Address == "" {
		return err
	}
	message, err := write(j.Args.Template, m.o.URL, to, link, j.Args.Data)
	if err != nil {
		return err // tried again: a node with newer templates may have posted it
	}
	message.ID = j.Args.ID.String() + "@" + m.domain
	message.Written = j.Created.Truncate(time.Second)
	err = m.o.Sender.Send(ctx, message)
	if errors.Is(err, ErrRefused) {
		return job.Discard(err)
	}
	return err
}

// address finds where a letter goes, and the link in it. Without an address it goes nowhere.
func (m *Mailer) address(ctx context.Context, l Letter) (to Recipient, link string, err error) {
	switch {
	case l.To != "":
		return Recipient{Address: l.To}, "", nil
	case l.Token != uuid.Nil:
		found, err := m.o.Link(ctx, l.Token)
		if err != nil {
			return Recipient{}, "", fmt.Errorf("find where the link goes: %w", err)
		}
		return found.To, found.URL, nil
	}
	if to, err = m.o.Recipient(ctx, l.Account); err != nil {
		return Recipient{}, "", fmt.Errorf("find where the mail goes: %w", err)
	}
	return to, "", nil
}

// domain is the part of an address behind the @.
func domain(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }
