package graph_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/personal"
	"github.com/convenehq/convene/graph"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/viewer"
)

// What may have the id of somebody erased, and nothing else of them, each with the reason.
var keepsIDs = map[string]string{
	"facts":         "ids alone, for 30 days",
	"audit_entries": "who did what to whom, for 400 days, without what was said of them",
}

// words are what nobody but the person to be erased has in any row.
var words = []string{
	"qzx.now", "qzx.before", "qzxmail", "Qzx Name", "qzx device", "203.0.113.0/24", "qzx wrote", "qzx kept", "qzx reason", "qzx key",
}

// eve has somebody who has done all that leaves a trace.
func eve(t *testing.T, a *api) (who viewer.Viewer, friend viewer.Viewer, conversation string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	in, err := a.Accounts.Register(account.WithDevice(t.Context(), "qzx device"), account.RegisterInput{
		Username: "qzx.before", Email: "qzxmail@example.com", Password: password, DisplayName: new("Qzx Name"), IdempotencyKey: new("qzx register"),
	})
	must(err)
	who, friend = in.Viewer, a.bare(t, "friend")
	enemy, foe := a.bare(t, "enemy"), a.bare(t, "foe")
	as := viewer.With(t.Context(), who)
	_, err = a.Accounts.ChangeUsername(as, account.ChangeUsernameInput{Username: "qzx.now"})
	must(err)
	_, c := a.send(t, who, vars{"recipientId": profileID(friend), "body": "qzx wrote", "idempotencyKey": "qzx key"})
	conversation = c["id"].(string)
	answer, _ := a.send(t, friend, vars{"conversationId": conversation, "body": "a friend's"})
	a.send(t, who, vars{"conversationId": conversation, "body": "qzx wrote more", "replyToId": answer["id"]})
	circle, err := a.Messaging.Open(t.Context(), "Everybody", who.Account(), friend.Account(), enemy.Account(), foe.Account())
	must(err)
	there := string(relay.NewID(ent.ConversationPrefix, circle.ID))
	kept, _ := a.send(t, who, vars{"conversationId": there, "body": "qzx kept"})
	for range 3 {
		a.send(t, who, vars{"conversationId": there, "body": "qzx wrote " + strings.Repeat("a lot ", 20)})
	}
	block := `mutation ($input: BlockInput!) { block(input: $input) { userErrors { code } } }`
	a.ok(t, who, block, vars{"input": vars{"profileId": profileID(enemy)}})
	a.ok(t, foe, block, vars{"input": vars{"profileId": profileID(who)}})
	a.ok(t, who, `mutation ($input: EditMessageInput!) { editMessage(input: $input) { userErrors { code } } }`,
		vars{"input": vars{"messageId": kept["id"], "body": "qzx wrote otherwise"}})
	a.ok(t, who, `mutation ($c: ID!) { visitConversation(input: {conversationId: $c}) { userErrors { code } } }`, vars{"c": there})
	operator, id := viewer.AsOperator(t.Context()), relay.NewID(ent.AccountPrefix, who.Account())
	_, err = a.Accounts.Grant(operator, account.GrantRoleInput{AccountID: id, Role: viewer.RoleModerator})
	must(err)
	_, err = a.Accounts.Ban(operator, account.BanAccountInput{AccountID: id, Reason: "qzx reason"})
	must(err)
	// What no use case of a test sets.
	sys := viewer.AsSystem(t.Context(), "test")
	must(a.db.Ent.AuthSession.Create().SetAccountID(who.Account()).SetIPPrefix("203.0.113.0/24").SetDeviceLabel("qzx device").
		SetExpiresAt(in.Tokens.ExpiresAt).SetEndsAt(in.Tokens.ExpiresAt).Exec(sys))
	must(a.db.Ent.Account.UpdateOneID(who.Account()).SetEmailVerifiedAt(in.Tokens.ExpiresAt).SetClaimToldAt(in.Tokens.ExpiresAt).Exec(sys))
	_, err = a.Accounts.EraseOf(operator, account.EraseAccountInput{AccountID: id, Now: true})
	must(err)
	a.settled(t)
	return who, friend, conversation
}

// tables are all tables of the database, the partitions of one as that one.
func tables(t *testing.T, d *db.DB) (names []string) {
	t.Helper()
	return column(t, d, `SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1`)
}

func column(t *testing.T, d *db.DB, query string, args ...any) (all []string) {
	t.Helper()
	rows, err := d.SQL.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var s sql.NullString
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		all = append(all, s.String)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// having are the rows of a table with a word anywhere in them.
func having(t *testing.T, d *db.DB, table, word string) []string {
	t.Helper()
	return column(t, d, fmt.Sprintf(`SELECT to_jsonb(t)::text FROM %q t WHERE position($1 IN to_jsonb(t)::text) > 0`, table), word)
}

func TestErasing(t *testing.T) {
	t.Parallel()
	t.Run("leaves nothing of somebody in any table, and others what is theirs", func(t *testing.T) {
		t.Parallel()
		a := newAPI(t)
		who, friend, conversation := eve(t, a)
		id, all := who.Account().String(), tables(t, a.db)
		for _, word := range append(words, id) {
			if !slices.ContainsFunc(all, func(table string) bool { return len(having(t, a.db, table, word)) > 0 }) {
				t.Errorf("there is no %q to begin with", word)
			}
		}
		a.wantDeclared(t, id)
		if err := a.Accounts.EraseDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		a.settled(t)
		a.wantNothingOf(t, id)
		nodes := at(t, a.ok(t, friend, `query ($c: ID!) { conversation(id: $c) { messages(order: OLDEST_FIRST) { nodes { body isDeleted author { id } replyTo { body } } } } }`,
			vars{"c": conversation}), "conversation", "messages", "nodes").([]any)
		if len(nodes) != 3 || at(t, nodes[1], "body") != "a friend's" || at(t, nodes[2], "body") != nil || at(t, nodes[2], "author") != nil || at(t, nodes[0], "isDeleted") != true {
			t.Errorf("the friend sees %v", nodes)
		}
		if n := column(t, a.db, "SELECT count(*) FROM audit_entries WHERE account_id = $1 AND action = 'account.erased' AND actor_kind = 'SYSTEM'", id); n[0] != "1" {
			t.Errorf("the log has it %s times", n[0])
		}
	})
	t.Run("goes on where it was cut short, whichever statement that was at", func(t *testing.T) {
		t.Parallel()
		url := testkit.DatabaseURL(t)
		a := newNode(t, testkit.Open(t, url), live.Options{})
		who, _, _ := eve(t, a)
		// Somebody whose node is killed has a transaction that ends nowhere: so does one whose context ends.
		var left atomic.Int64
		var kill atomic.Pointer[context.CancelFunc]
		d, err := db.Open(t.Context(), url, db.Options{Stated: func(string) {
			if left.Add(-1) == 0 {
				(*kill.Load())()
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		killed := graph.Connect(graph.Base{DB: d, Ring: a.Ring, Hub: live.New(live.Options{})})
		t.Cleanup(killed.Close)
		kills := 0
		for n := int64(2); ; n++ {
			ctx, cancel := context.WithCancel(t.Context())
			kill.Store(&cancel)
			left.Store(n)
			err := killed.Accounts.EraseDue(ctx)
			cancel()
			if err == nil {
				break
			}
			if kills++; kills > 200 {
				t.Fatal(err)
			}
		}
		if kills < 10 {
			t.Errorf("it was cut short %d times", kills)
		}
		t.Logf("it was cut short %d times", kills)
		a.settled(t)
		a.wantNothingOf(t, who.Account().String())
	})
	t.Run("of one person by many nodes at once is one erasing", func(t *testing.T) {
		t.Parallel()
		a := newAPI(t)
		who, _, _ := eve(t, a)
		b := newNode(t, a.db, live.Options{})
		var group sync.WaitGroup
		for _, n := range []*api{a, b, a, b} {
			group.Go(func() {
				if err := n.Accounts.EraseDue(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		a.settled(t)
		a.wantNothingOf(t, who.Account().String())
		if n := column(t, a.db, "SELECT count(*) FROM facts WHERE kind = 'account.erased'"); n[0] != "1" {
			t.Errorf("it is told of %s times", n[0])
		}
	})
}

// wantDeclared wants a value in each field that is kept until the account is erased: a field that is added has to be
// filled in eve, so that its going is seen.
func (a *api) wantDeclared(t *testing.T, id string) {
	t.Helper()
	tableOf := map[string]string{
		"Account": "accounts", "Profile": "profiles", "UsernameReservation": "username_reservations",
	}
	for name, field := range ent.PersonalFields {
		entity, of, _ := strings.Cut(name, ".")
		if field.Retention != personal.WithAccount || !field.IsPersonal || name == "Account.erased_at" {
			continue
		}
		if tableOf[entity] == "" {
			t.Errorf("%s: say in this test in which table it is", name)
			continue
		}
		values := column(t, a.db, fmt.Sprintf(`SELECT %q::text FROM %q t WHERE position($1 IN to_jsonb(t)::text) > 0`, of, tableOf[entity]), id)
		if !slices.ContainsFunc(values, func(v string) bool { return v != "" }) {
			t.Errorf("%s has no value, so nobody sees whether it goes", name)
		}
	}
}

// wantNothingOf wants none of the words in any table, and the id nowhere but where the reason is given.
func (a *api) wantNothingOf(t *testing.T, id string) {
	t.Helper()
	for _, table := range tables(t, a.db) {
		for _, word := range words {
			if rows := having(t, a.db, table, word); len(rows) > 0 {
				t.Errorf("%s still has %q: %v", table, word, rows)
			}
		}
		if rows := having(t, a.db, table, id); len(rows) > 0 && keepsIDs[table] == "" {
			t.Errorf("%s still has the id: %v", table, rows)
		}
	}
	if left, err := a.Accounts.ByUsername(t.Context(), "qzx.now"); err != nil || left != uuid.Nil {
		t.Errorf("the account is still there: %v, %v", left, err)
	}
}
