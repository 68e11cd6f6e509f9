package mail

import (
	"context"
	"fmt"
	"time"

	"github.com/convenehq/convene/internal/db"
)

// mailboxKept is how many mails the mailbox keeps.
const mailboxKept = 200

// Mailbox is where mails go in development: a table that every node of the database shows.
type Mailbox struct{ db *db.DB }

// NewMailbox is the mailbox of a development database.
func NewMailbox(d *db.DB) *Mailbox { return &Mailbox{d} }

// Received is a mail in the mailbox.
type Received struct {
	ID        int64     `json:"id"`
	MessageID string    `json:"messageId"`
	At        time.Time `json:"at"`
	Name      string    `json:"name"`
	To        string    `json:"to"`
	Subject   string    `json:"subject"`
	Text      string    `json:"text"`
	HTML      string    `json:"html"`
}

// Send implements Sender. A double is dropped, as it is by many mail programs.
func (b *Mailbox) Send(ctx context.Context, m Message) error {
	_, err := b.db.SQL.ExecContext(ctx, `
		WITH new AS (
			INSERT INTO dev_mails (message_id, to_name, to_address, subject, text_body, html_body)
			VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (message_id) DO NOTHING RETURNING id
		)
		DELETE FROM dev_mails WHERE id <= (SELECT id FROM new) - $7`,
		m.ID, m.To.Name, m.To.Address, m.Subject, m.Text, m.HTML, mailboxKept)
	if err != nil {
		return fmt.Errorf("put the mail into the mailbox: %w", err)
	}
	return nil
}

// List is all mails, the newest first.
func (b *Mailbox) List(ctx context.Context) ([]Received, error) {
	rows, err := b.db.SQL.QueryContext(ctx, `
		SELECT id, message_id, received_at, to_name, to_address, subject, text_body, html_body
		FROM dev_mails ORDER BY id DESC LIMIT $1`, mailboxKept)
	if err != nil {
		return nil, fmt.Errorf("read the mailbox: %w", err)
	}
	defer func() { _ = rows.Close() }()
	all := []Received{}
	for rows.Next() {
		var r Received
		if err := rows.Scan(&r.ID, &r.MessageID, &r.At, &r.Name, &r.To, &r.Subject, &r.Text, &r.HTML); err != nil {
			return nil, fmt.Errorf("read a mail: %w", err)
		}
		all = append(all, r)
	}
	return all, rows.Err()
}
