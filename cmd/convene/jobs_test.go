package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/token"
)

func TestJobsAndMail(t *testing.T) {
	t.Parallel()
	n := start(t, "CONVENE_DATA="+dataDir(t))
	run := func(settings []string, args ...string) (string, error) {
		out, err := command(t, args, append(n.services(), settings...)...).CombinedOutput()
		return string(out), err
	}
	t.Run("a test mail arrives in the mailbox", func(t *testing.T) {
		out, err := run(nil, "admin", "mail-test", "somebody@example.org")
		if err != nil || !strings.Contains(out, "It is sent.") {
			t.Fatalf("got %v:\n%s", err, out)
		}
		answer, err := http.Get(n.url + "/dev/mail.json")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		var got struct{ Mails []struct{ To, Text string } }
		if err := json.NewDecoder(answer.Body).Decode(&got); err != nil {
			t.Fatal(err)
		}
		if len(got.Mails) != 1 || got.Mails[0].To != "somebody@example.org" || !strings.Contains(got.Mails[0].Text, n.url) {
			t.Fatalf("got %+v", got)
		}
	})
	t.Run("the sweeps are done, and nothing is left", func(t *testing.T) {
		eventually(t, "every job is done", func() error {
			out, err := run(nil, "jobs")
			if err != nil || !strings.Contains(out, "Every job is done.") {
				return fmt.Errorf("%w: %s", errors.Join(err, errors.New("not yet")), out)
			}
			return nil
		})
	})
	t.Run("what the operator cancels stands in the audit log", func(t *testing.T) {
		d := testkit.Open(t, strings.TrimPrefix(n.services()[0], "DATABASE_URL="))
		var id int64
		err := d.SQL.QueryRowContext(t.Context(), `INSERT INTO river_job (kind, queue, args, max_attempts, state, scheduled_at)
			VALUES ('test.later', 'nobody', '{}', 1, 'scheduled', now() + interval '1 hour') RETURNING id`).Scan(&id)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := run(nil, "jobs", "cancel", fmt.Sprint(id)); err != nil || !strings.Contains(out, "(test.later) is cancelled") {
			t.Fatalf("got %v:\n%s", err, out)
		}
		if out, err := run(nil, "admin", "audit"); err != nil || !strings.Contains(out, "job.cancelled") || !strings.Contains(out, "test.later") {
			t.Fatalf("got %v:\n%s", err, out)
		}
	})
	t.Run("what does not work is said in one sentence", func(t *testing.T) {
		for _, c := range []struct {
			settings []string
			args     []string
			want     string
		}{
			{nil, []string{"jobs", "retry", "4711"}, "there is no job 4711"},
			{nil, []string{"jobs", "cancel", "4711"}, "there is no job 4711"},
			{nil, []string{"admin", "mail-test", "somebody"}, "is no mail address"},
			{[]string{"CONVENE_MAIL=off"}, []string{"admin", "mail-test", "a@example.org"}, "CONVENE_MAIL is off"},
			{[]string{"CONVENE_ENV=production", "CONVENE_URL=https://convene.example.org", "CONVENE_KEYS=" + token.NewKey()}, []string{"serve"}, "SMTP_URL must be set"},
		} {
			out, err := run(c.settings, c.args...)
			if err == nil || !strings.Contains(out, c.want) || strings.Count(strings.TrimSpace(out), "\n") > 0 {
				t.Errorf("%v answers %v:\n%s", c.args, err, out)
			}
		}
	})
	t.Run("help shows each with an example", func(t *testing.T) {
		for _, verb := range []string{"list", "retry", "cancel"} {
			out, err := run(nil, "jobs", verb, "--help")
			if err != nil || !strings.Contains(out, "convene jobs "+verb) || !strings.Contains(out, "Example:") {
				t.Errorf("%s: %v:\n%s", verb, err, out)
			}
		}
	})
}
