package mail_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/job"
	"github.com/convenehq/convene/internal/mail"
	"github.com/convenehq/convene/internal/testkit"
)

// What is sent about a row is read when it is sent, and not stored with the job.
func TestLettersAboutARow(t *testing.T) {
	t.Parallel()
	d := testkit.DB(t)
	jobs, err := job.New(d, job.Options{Backoff: func(int) time.Duration { return 20 * time.Millisecond }})
	if err != nil {
		t.Fatal(err)
	}
	box := mail.NewMailbox(d)
	mailer, err := mail.New(jobs, mail.Options{Sender: box, URL: "https://convene.example", From: "hello@convene.example"})
	if err != nil {
		t.Fatal(err)
	}
	stands, gone := uuid.New(), uuid.New()
	tries := 0
	mailer.Write(mail.Invited, func(_ context.Context, about uuid.UUID) (mail.Recipient, map[string]string, error) {
		if about == gone {
			return mail.Recipient{}, nil, nil
		}
		if tries++; tries == 1 {
			return mail.Recipient{}, nil, errors.New("the database is away")
		}
		return mail.Recipient{Address: "bob@example.org"}, map[string]string{"from": "ada", "code": "a-secret", "until": "tomorrow"}, nil
	})
	h := &house{t: t, db: d, jobs: jobs, mailer: mailer}
	if !mailer.IsOn() {
		t.Error("mails are off")
	}
	nowhere, somewhere := h.post(mail.Letter{Template: mail.Invited, About: gone}), h.post(mail.Letter{Template: mail.Invited, About: stands})
	var stored string
	err = d.SQL.QueryRowContext(t.Context(), "SELECT string_agg(args::text, ' ') FROM river_job").Scan(&stored)
	if err != nil || strings.Contains(stored, "bob") || !strings.Contains(stored, stands.String()) {
		t.Errorf("the jobs are %s, %v", stored, err)
	}
	if err := jobs.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		defer cancel()
		if err := jobs.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	h.becomes(nowhere, job.Done)
	if row := h.becomes(somewhere, job.Done); row.Attempt != 2 {
		t.Errorf("it was tried %d times", row.Attempt)
	}
	all, err := box.List(t.Context())
	if err != nil || len(all) != 1 || all[0].To != "bob@example.org" || !strings.Contains(all[0].Text, "https://convene.example/r/a-secret") {
		t.Errorf("got %+v, %v", all, err)
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		" Ada@Example.ORG ": "ada@example.org", "a@b": "", "a@b.c\r\nBcc: x@y.z": "", "Ada <a@b.c>": "", "@b.c": "", "": "",
		strings.Repeat("a", 255) + "@b.c": "", "a@[127.0.0.1]": "", "a\u200b@b.c": "",
	} {
		got, problem := mail.ReadAddress(in)
		if (problem == "") != (want != "") || problem == "" && got != want {
			t.Errorf("%q: got %q, %q", in, got, problem)
		}
	}
}
