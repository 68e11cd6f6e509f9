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
	// about is the kind of letters about a row: a node that knows nothing of those leaves them to others.
	about *job.Kind[posted]
	// writers are those of the templates whose letters are about a row.
	writers map[string]Writer
}

// A Writer finds where the letter about a row goes, and what its template names besides. One without an address is not sent:
// what it would have said holds no more.
type Writer func(ctx context.Context, about uuid.UUID) (Recipient, map[string]string, error)

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
	m := &Mailer{o: o, domain: domain(from.Address), writers: map[string]Writer{}}
	// A queue of its own: a server that is slow to answer holds up nothing but mails.
	queue := job.KindOptions{Queue: "mail", Timeout: 2 * sendTime}
	m.kind = job.Define(jobs, "mail.send", m.send, queue)
	m.about = job.Define(jobs, "mail.write", m.send, queue)
	return m, nil
}

// Write has the letters of a template written so, where they are about a row; before the jobs are started.
func (m *Mailer) Write(template string, by Writer) { m.writers[template] = by }

// IsOn tells whether mails are sent.
func (m *Mailer) IsOn() bool { return m.o.Sender != nil }

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
	kind := m.kind
	if l.About != uuid.Nil {
		kind = m.about
	}
	return kind.Insert(ctx, tx, posted{uuid.Must(uuid.NewV7()), l})
}

// send writes and sends a letter.
func (m *Mailer) send(ctx context.Context, j job.Job[posted]) error {
	if m.o.Sender == nil {
		return job.Discard(errors.New("CONVENE_MAIL is off: no mails are sent"))
	}
	to, data, err := m.address(ctx, j.Args.Letter)
	if err != nil || to.Address == "" {
		return err
	}
	message, err := write(j.Args.Template, m.o.URL, to, data)
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

// address finds where a letter goes, and what its template names. Without an address it goes nowhere.
func (m *Mailer) address(ctx context.Context, l Letter) (to Recipient, data map[string]string, err error) {
	switch writer := m.writers[l.Template]; {
	case l.To != "":
		return Recipient{Address: l.To}, l.Data, nil
	case l.About != uuid.Nil && writer == nil:
		return to, nil, fmt.Errorf("nobody here writes the letters of %s", l.Template) // tried again, on another node perhaps
	case l.About != uuid.Nil:
		to, data, err = writer(ctx, l.About)
	default:
		to, err = m.o.Recipient(ctx, l.Account)
		data = l.Data
	}
	if err != nil {
		return Recipient{}, nil, fmt.Errorf("find where the mail goes: %w", err)
	}
	return to, data, nil
}

// domain is the part of an address behind the @.
func domain(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }
