package graph_test

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/invite"
	"github.com/convenehq/convene/internal/job"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/mail"
	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/testkit/node"
	"github.com/convenehq/convene/internal/token"
	"github.com/convenehq/convene/internal/topic"
	"github.com/convenehq/convene/internal/viewer"
)

const (
	createInviteCode = `mutation ($input: CreateInviteCodeInput!) { createInviteCode(input: $input) {
		inviteCode { id hint state maxUses useCount createdAt expiresAt } code url userErrors { code field } } }`
	revokeInviteCode = `mutation ($input: RevokeInviteCodeInput!) { revokeInviteCode(input: $input) {
		inviteCode { id state useCount } userErrors { code field } } }`
	inviteByEmail = `mutation ($input: InviteByEmailInput!) { inviteByEmail(input: $input) {
		invite { id email state createdAt expiresAt } userErrors { code field } } }`
	withdrawInvite = `mutation ($input: WithdrawInviteInput!) { withdrawInvite(input: $input) {
		invite { id email state } userErrors { code field } } }`
	joinWith = `mutation ($input: RegisterInput!) { register(input: $input) {
		viewer { account { id invitedBy { username } } referralCount } session { accessToken } userErrors { code field } } }`
	preview  = `query ($code: String!) { inviteCode(code: $code) { inviter { username displayName } expiresAt } }`
	myShares = `{ viewer { referralCount
		invites { nodes { id email state } }
		inviteCodes(first: 1) { nodes { hint state useCount } pageInfo { hasNextPage endCursor } } } }`
)

// A post office is an API that sends mails into a mailbox and facts to topics.
type postOffice struct {
	*api
	box   *mail.Mailbox
	redis live.Redis
	topic string
}

func newPostOffice(t *testing.T) *postOffice {
	t.Helper()
	d := testkit.DB(t)
	jobs, err := job.New(d, job.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	p := &postOffice{box: mail.NewMailbox(d), topic: "test:" + uuid.NewString() + ":"}
	var r *graph.Resolver
	mailer, err := mail.New(jobs, mail.Options{
		Sender: p.box, URL: "https://convene.example", From: "convene@convene.example",
		Recipient: func(ctx context.Context, id uuid.UUID) (mail.Recipient, error) { return r.Accounts.Recipient(ctx, id) },
	})
	if err != nil {
		t.Fatal(err)
	}
	ring, err := token.NewRing([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	if p.redis, err = live.OpenRedis(testkit.RedisURL(t)); err != nil {
		t.Fatal(err)
	}
	hub := live.New(live.Options{Epoch: d.Epoch})
	r = graph.Connect(graph.Base{
		DB: d, Ring: ring, Hub: hub,
		Account: account.Options{Mail: mailer, Jobs: jobs},
		Invite:  invite.Options{Mail: mailer, URL: "https://convene.example", IsInviteOnly: true},
	})
	topic.Consume(r.Facts, topic.Options{Redis: p.redis, Prefix: p.topic})
	for _, start := range []func(context.Context) error{hub.Start, r.Facts.Start, jobs.Start} {
		if err := start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := jobs.Stop(ctx); err != nil {
			t.Error(err)
		}
		r.Facts.Close()
		r.Close()
		hub.Close()
		for _, name := range []string{"NewUser", "InvitedUser"} {
			p.redis.Del(ctx, p.topic+name)
		}
		_ = p.redis.Close()
	})
	p.api = &api{Node: &node.Node{Resolver: r, Hub: hub, Ring: ring}, db: d, exec: graph.NewExecutor(r, false)}
	return p
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

// mails waits for so many mails that invite, and answers them, the newest first.
func (p *postOffice) mails(t *testing.T, n int) (all []mail.Received) {
	t.Helper()
	eventually(t, "the mails", func() bool {
		got, err := p.box.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all = slices.DeleteFunc(got, func(m mail.Received) bool { return !strings.HasSuffix(m.Subject, " invites you") })
		return len(all) >= n
	})
	if len(all) != n {
		t.Fatalf("there are %d mails, and not %d", len(all), n)
	}
	return all
}

// onTopic waits for so many entries on a topic, and answers whom or what they are about.
func (p *postOffice) onTopic(t *testing.T, name string, n int) (subjects []string) {
	t.Helper()
	eventually(t, "entries on "+name, func() bool {
		entries, err := p.redis.XRange(t.Context(), p.topic+name, "-", "+").Result()
		if err != nil {
			t.Fatal(err)
		}
		subjects = nil
		for _, e := range entries {
			subjects = append(subjects, e.Values["subject"].(string))
		}
		return len(subjects) >= n
	})
	return subjects
}

func newcomer(name, code string) vars {
	in := vars{"username": name, "email": name + "@example.com", "password": password}
	if code != "" {
		in["inviteCode"] = code
	}
	return vars{"input": in}
}

// The beginning of everything where nobody joins uninvited: a code of the operator's, a mail to a friend, the friend.
func TestJoiningByInvites(t *testing.T) {
	t.Parallel()
	p := newPostOffice(t)
	nobody := viewer.Viewer{}
	join := func(name, code string) (viewer.Viewer, map[string]any) {
		t.Helper()
		got := at(t, p.ok(t, nobody, joinWith, newcomer(name, code)), "register").(map[string]any)
		if errs := at(t, got, "userErrors").([]any); len(errs) > 0 {
			t.Fatalf("%s: got %v", name, errs)
		}
		_, id, _ := relay.ID(at(t, got, "viewer", "account", "id").(string)).Split()
		return viewer.OfPerson(id, uuid.New()), got
	}
	if got := p.refusal(t, nobody, joinWith, newcomer("ada", "")["input"].(vars)); got != "INVITE_CODE_REQUIRED[input inviteCode]" {
		t.Fatalf("without a code: got %s", got)
	}
	first, err := p.Invites.CreateCode(viewer.AsOperator(t.Context()), invite.CreateInviteCodeInput{MaxUses: 1, ValidForDays: 1})
	if err != nil {
		t.Fatal(err)
	}
	if got := at(t, p.ok(t, nobody, preview, vars{"code": first.Code}), "inviteCode"); at(t, got, "inviter") != nil || at(t, got, "expiresAt") == nil {
		t.Errorf("the operator's code shows %v", got)
	}
	ada, got := join("ada", first.Code)
	if at(t, got, "viewer", "account", "invitedBy") != nil {
		t.Errorf("ada is invited by %v", got)
	}

	sent := at(t, p.ok(t, ada, inviteByEmail, vars{"input": vars{"email": " Bob@Example.com "}}), "inviteByEmail", "invite")
	if at(t, sent, "email") != "bob@example.com" || at(t, sent, "state") != "PENDING" {
		t.Errorf("the invite is %v", sent)
	}
	again := p.ok(t, ada, inviteByEmail, vars{"input": vars{"email": "bob@example.com"}})
	if at(t, again, "inviteByEmail", "invite", "id") != at(t, sent, "id") {
		t.Errorf("a second invite to the same address is %v", again)
	}
	letter := p.mails(t, 1)[0]
	if letter.To != "bob@example.com" || letter.Name != "" || letter.Subject != "@ada invites you" {
		t.Errorf("the mail is to %s <%s>: %s", letter.Name, letter.To, letter.Subject)
	}
	link := regexp.MustCompile(`https://convene\.example/r/([0-9a-z-]{24})`).FindStringSubmatch(letter.Text)
	if link == nil || !strings.Contains(letter.HTML, link[0]) {
		t.Fatalf("the mail has no link:\n%s", letter.Text)
	}
	code := link[1]
	if got := at(t, p.ok(t, nobody, preview, vars{"code": code}), "inviteCode"); at(t, got, "inviter", "username") != "ada" {
		t.Errorf("who holds the code sees %v", got)
	}
	var kept int
	const where = "SELECT count(*) FROM river_job WHERE args::text LIKE '%bob@example%' OR args::text LIKE '%' || $1 || '%'"
	if err := p.db.SQL.QueryRowContext(t.Context(), where, code).Scan(&kept); err != nil || kept != 0 {
		t.Errorf("the job keeps the address or the code: %d, %v", kept, err)
	}

	_, got = join("bob", code)
	if at(t, got, "viewer", "account", "invitedBy", "username") != "ada" || at(t, got, "viewer", "referralCount").(float64) != 0 {
		t.Errorf("bob is %v", got)
	}
	mine := at(t, p.ok(t, ada, myShares, nil), "viewer")
	if at(t, mine, "referralCount").(float64) != 1 {
		t.Errorf("ada sees %v", mine)
	}
	if row := at(t, mine, "invites", "nodes", 0); at(t, row, "state") != "ACCEPTED" || at(t, row, "email") != nil {
		t.Errorf("the invite has become %v", row)
	}
	if got := p.refusal(t, nobody, joinWith, newcomer("carol", code)["input"].(vars)); got != "INVITE_CODE_INVALID[input inviteCode]" {
		t.Errorf("the same code again: got %s", got)
	}
	if subjects := p.onTopic(t, "NewUser", 2); subjects[0] != string(relay.NewID(ent.AccountPrefix, ada.Account())) {
		t.Errorf("new are %v", subjects)
	}
	if subjects := p.onTopic(t, "InvitedUser", 1); len(subjects) != 1 || subjects[0] != at(t, sent, "id") {
		t.Errorf("invited is %v", subjects)
	}
}

// Whatever is behind an address, the inviter is told the same, and the mails know better.
func TestInvitesTellNothing(t *testing.T) {
	t.Parallel()
	p := newPostOffice(t)
	operator := viewer.AsOperator(t.Context())
	person := func(name string) viewer.Viewer {
		t.Helper()
		in, err := p.Accounts.Register(operator, account.RegisterInput{Username: name, Email: name + "@example.com", Password: password})
		if err != nil {
			t.Fatal(err)
		}
		return in.Viewer
	}
	proved, claims := person("proved"), person("claims")
	if _, err := p.db.SQL.ExecContext(t.Context(), "UPDATE accounts SET email_verified_at = now() WHERE id = $1", proved.Account()); err != nil {
		t.Fatal(err)
	}
	ada := person("ada")
	p.ok(t, proved, block, vars{"input": vars{"profileId": profileID(ada)}})
	var all []map[string]any
	for _, address := range []string{"proved@example.com", "claims@example.com", "nobody@example.com"} {
		got := at(t, p.ok(t, ada, inviteByEmail, vars{"input": vars{"email": address}}), "inviteByEmail").(map[string]any)
		row := at(t, got, "invite").(map[string]any)
		if row["email"] != address {
			t.Errorf("%s: got %v", address, got)
		}
		for _, own := range []string{"id", "email", "createdAt", "expiresAt"} {
			delete(row, own)
		}
		all = append(all, got)
	}
	for _, got := range all {
		if at(t, got, "invite", "state") != "PENDING" || len(at(t, got, "userErrors").([]any)) != 0 {
			t.Errorf("got %v", got)
		}
	}
	eventually(t, "all jobs are done", func() bool {
		var left int
		err := p.db.SQL.QueryRowContext(t.Context(), "SELECT count(*) FROM river_job WHERE kind = 'mail.write' AND state <> 'completed'").Scan(&left)
		return err == nil && left == 0
	})
	for _, m := range p.mails(t, 2) {
		if m.To == "proved@example.com" {
			t.Errorf("somebody who is here already is invited: %v", m)
		}
	}

	t.Run("one address gets no mails without end, whoever invites it", func(t *testing.T) {
		for _, name := range []string{"a11", "a22", "a33", "a44"} {
			p.ok(t, person(name), inviteByEmail, vars{"input": vars{"email": "wanted@example.com"}})
		}
		eventually(t, "all jobs are done", func() bool {
			var left int
			err := p.db.SQL.QueryRowContext(t.Context(), "SELECT count(*) FROM river_job WHERE kind = 'mail.write' AND state <> 'completed'").Scan(&left)
			return err == nil && left == 0
		})
		p.mails(t, 2+3)
	})
	t.Run("what was withdrawn lets nobody in, and is not mailed", func(t *testing.T) {
		eve := person("eve")
		sent := at(t, p.ok(t, eve, inviteByEmail, vars{"input": vars{"email": "dan@example.com"}}), "inviteByEmail", "invite")
		code := regexp.MustCompile(`[0-9a-z]{4}(-[0-9a-z]{4}){4}`).FindString(p.mails(t, 6)[0].Text)
		got := at(t, p.ok(t, eve, withdrawInvite, vars{"input": vars{"inviteId": at(t, sent, "id")}}), "withdrawInvite", "invite")
		if at(t, got, "state") != "WITHDRAWN" || at(t, got, "email") != nil {
			t.Errorf("got %v", got)
		}
		if got := p.refusal(t, viewer.Viewer{}, joinWith, newcomer("dan", code)["input"].(vars)); got != "INVITE_CODE_INVALID[input inviteCode]" {
			t.Errorf("got %s", got)
		}
		if got := p.refusal(t, claims, withdrawInvite, vars{"inviteId": at(t, sent, "id")}); got != "NOT_FOUND[input inviteId]" {
			t.Errorf("a stranger withdraws it: got %s", got)
		}
	})
}

func TestInviteCodes(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	ada, bob := a.person(t, "ada"), a.person(t, "bob")
	nobody := viewer.Viewer{}
	made := at(t, a.ok(t, ada, createInviteCode, vars{"input": vars{"maxUses": 2}}), "createInviteCode")
	code, row := at(t, made, "code").(string), at(t, made, "inviteCode")

	t.Run("a code is listed without itself, a page at a time", func(t *testing.T) {
		a.ok(t, ada, createInviteCode, vars{"input": vars{"validForDays": 1}})
		got := a.ok(t, ada, myShares, nil)
		if strings.Contains(fmt.Sprint(got), code) || at(t, got, "viewer", "inviteCodes", "pageInfo", "hasNextPage") != true {
			t.Errorf("got %v", got)
		}
		const next = `query ($after: String) { viewer { inviteCodes(after: $after) { edges { cursor node { id hint state maxUses } } pageInfo { hasNextPage } }
			invites(first: 1) { edges { cursor } } } }`
		rest := at(t, a.ok(t, ada, next, vars{"after": at(t, got, "viewer", "inviteCodes", "pageInfo", "endCursor")}), "viewer", "inviteCodes")
		if len(at(t, rest, "edges").([]any)) != 1 || at(t, rest, "edges", 0, "node", "hint") != code[:4] || at(t, rest, "pageInfo", "hasNextPage") != false {
			t.Errorf("got %v", rest)
		}
	})
	t.Run("nobody else finds it", func(t *testing.T) {
		if got := a.ok(t, bob, `query ($id: ID!) { node(id: $id) { id } }`, vars{"id": at(t, row, "id")}); got["node"] != nil {
			t.Errorf("got %v", got)
		}
		if got := a.ok(t, ada, `query ($id: ID!) { node(id: $id) { id ... on InviteCode { hint } } }`, vars{"id": at(t, row, "id")}); at(t, got, "node", "hint") != code[:4] {
			t.Errorf("she finds %v", got)
		}
		if got := a.refusal(t, bob, revokeInviteCode, vars{"inviteCodeId": at(t, row, "id")}); got != "NOT_FOUND[input inviteCodeId]" {
			t.Errorf("he revokes it: got %s", got)
		}
		if got := a.do(t.Context(), t, nobody, createInviteCode, vars{"input": vars{}}).code(t); got != fault.CodeUnauthenticated {
			t.Errorf("signed out: got %s", got)
		}
	})
	t.Run("a block between the two hides the inviter, and lets the code be", func(t *testing.T) {
		a.ok(t, ada, block, vars{"input": vars{"profileId": profileID(bob)}})
		got := at(t, a.ok(t, bob, preview, vars{"code": code}), "inviteCode")
		if got == nil || at(t, got, "inviter") != nil {
			t.Errorf("the blocked sees %v", got)
		}
		if got := at(t, a.ok(t, nobody, preview, vars{"code": code}), "inviteCode", "inviter"); at(t, got, "displayName") != "Name of ada" {
			t.Errorf("whoever is signed out sees %v", got)
		}
	})
	t.Run("who let somebody in and blocks them is nobody to them", func(t *testing.T) {
		in := at(t, a.ok(t, nobody, joinWith, newcomer("carol", code)), "register", "viewer", "account")
		if at(t, in, "invitedBy", "username") != "ada" {
			t.Fatalf("got %v", in)
		}
		_, id, _ := relay.ID(at(t, in, "id").(string)).Split()
		carol := viewer.OfPerson(id, uuid.New())
		a.ok(t, ada, block, vars{"input": vars{"profileId": profileID(carol)}})
		got := a.ok(t, carol, `{ viewer { account { invitedBy { username } } } }`, nil)
		if at(t, got, "viewer", "account", "invitedBy") != nil {
			t.Errorf("got %v", got)
		}
		if got := at(t, a.ok(t, ada, myShares, nil), "viewer", "referralCount"); got.(float64) != 1 {
			t.Errorf("she counts %v", got)
		}
	})
	t.Run("abuse is told as such", func(t *testing.T) {
		dan := a.person(t, "dan")
		for range 20 {
			a.ok(t, dan, createInviteCode, vars{"input": vars{}})
		}
		if got := a.refusal(t, dan, createInviteCode, vars{}); got != "INVITE_LIMIT<nil>" {
			t.Errorf("got %s", got)
		}
	})
}
