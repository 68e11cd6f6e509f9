package visible_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/privacy"
	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/auditentry"
	"github.com/convenehq/convene/ent/conversation"
	"github.com/convenehq/convene/ent/conversationentry"
	"github.com/convenehq/convene/ent/loginattempt"
	"github.com/convenehq/convene/ent/onetimetoken"
	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/viewer"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// A class is a kind of viewer, as a row of one person's sees them.
type class string

const (
	nobody    class = "nobody"
	stranger  class = "stranger" // signed in, and nothing to do with the row
	blocked   class = "blocked"  // blocked by the person
	blocker   class = "blocker"  // has blocked the person
	member    class = "member"   // in a conversation with the person
	self      class = "self"     // the person
	audience  class = "audience" // of the conversation
	elsewhere class = "audience elsewhere"
	moderator class = "moderator" // a stranger with that role
	admin     class = "admin"     // a stranger with that role
	operator  class = "operator"
	system    class = "system"
)

var classes = []class{nobody, stranger, blocked, blocker, member, self, audience, elsewhere, moderator, admin, operator, system}

// Who reads a row of the person's, for every entity. An entity that is missing here fails the test: whoever
// adds one says who sees it.
var readers = map[string][]class{
	"Account":            {self, system},
	"AuthSession":        {self, system},
	"Profile":            {stranger, member, self, moderator, admin, system},
	"Block":              {self, system},
	"Conversation":       {member, self, system},
	"ConversationMember": {member, self, system},
	"ConversationEntry":  {system},
	"Curtain":            {system},
	"Message":            {member, self, audience, system},
	"IdempotencyKey":     {system},
	"OneTimeToken":       {system},
	"AuditEntry":         {admin, operator, system},
	"Invite":             {self, system},
	"InviteCode":         {self, system},

	"UsernameReservation": {system},
	"LoginAttempt":        {self, system},
	"Throttle":            {system},
}

// Who may change or delete the same rows through ent. What goes through a stream's numbers is nobody's but
// the slice's, which does it as the system after its own checks.
var writers = map[string][]class{
	"Account":            {self, system},
	"AuthSession":        {self, system},
	"Profile":            {self, system},
	"Block":              {self, system},
	"Conversation":       {system},
	"ConversationMember": {self, system},
	"ConversationEntry":  {system},
	"Curtain":            {system},
	"Message":            {system},
	"IdempotencyKey":     {system},
	"OneTimeToken":       {system},
	"LoginAttempt":       {system},
	"Throttle":           {system},
	"AuditEntry":         {system}, // only when its time is up, for the system too
	"Invite":             {self, system},
	"InviteCode":         {self, system},

	"UsernameReservation": {system},
}

// A scene is one person with a row of every entity, and one viewer of each class.
type scene struct {
	client  *ent.Client
	viewers map[class]context.Context
	rows    map[string]uuid.UUID
}

func newScene(t *testing.T) *scene {
	t.Helper()
	client := testkit.DB(t).Ent
	ctx := viewer.AsSystem(t.Context(), "the scene of a test")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	person := func(name string) uuid.UUID {
		a, err := client.Account.Create().SetUsername(name).SetEmail(name + "@example.org").
			SetEmailClaimedAt(time.Now()).SetPasswordHash("none").Save(ctx)
		must(err)
		must(client.Profile.Create().SetID(a.ID).SetUsername(name).SetDisplayName(name).Exec(ctx))
		return a.ID
	}
	me, strange, out, away, friend := person("me"), person("strange"), person("out"), person("away"), person("friend")
	session, err := client.AuthSession.Create().SetAccountID(me).SetExpiresAt(time.Now()).SetEndsAt(time.Now()).Save(ctx)
	must(err)
	block, err := client.Block.Create().SetBlockerID(me).SetBlockedID(out).Save(ctx)
	must(err)
	must(client.Block.Create().SetBlockerID(away).SetBlockedID(me).Exec(ctx))
	c, err := client.Conversation.Create().SetKind(conversation.KindDIRECT).SetSeq(1).Save(ctx)
	must(err)
	mine, err := client.ConversationMember.Create().SetConversationID(c.ID).SetAccountID(me).Save(ctx)
	must(err)
	must(client.ConversationMember.Create().SetConversationID(c.ID).SetAccountID(friend).Exec(ctx))
	message, err := client.Message.Create().SetConversationID(c.ID).SetSeq(1).SetAuthorID(me).SetBody("hello").Save(ctx)
	must(err)
	entry, err := client.ConversationEntry.Create().SetConversationID(c.ID).SetSeq(2).SetKind(conversationentry.KindEDITED).Save(ctx)
	must(err)
	lower, upper := me, out
	if lower.String() > upper.String() {
		lower, upper = upper, lower
	}
	curtain, err := client.Curtain.Create().SetConversationID(c.ID).SetLowerID(lower).SetUpperID(upper).SetFromSeq(1).Save(ctx)
	must(err)
	key, err := client.IdempotencyKey.Create().SetScope([]byte("s")).SetInputMAC([]byte("m")).SetResultID(me).SetExpiresAt(time.Now()).Save(ctx)
	must(err)
	link, err := client.OneTimeToken.Create().SetAccountID(me).SetPurpose(onetimetoken.PurposeVERIFY_EMAIL).SetEmail("me@example.org").
		SetExpiresAt(time.Now()).Save(ctx)
	must(err)
	audited, err := client.AuditEntry.Create().SetActorKind(auditentry.ActorKindSYSTEM).SetAction("account.banned").
		SetTargetKind("account").SetTargetID(me).SetAccountID(me).SetDiff(map[string]any{}).SetEndsAt(time.Now()).Save(ctx)
	must(err)
	invited, err := client.Invite.Create().SetInviterID(me).SetEmail("x@example.org").SetEmailMAC([]byte("m")).SetCodeHash([]byte("h")).SetExpiresAt(time.Now()).Save(ctx)
	must(err)
	code, err := client.InviteCode.Create().SetInviterID(me).SetHint("0000").SetMaxUses(1).SetCodeHash([]byte("h")).SetExpiresAt(time.Now()).Save(ctx)
	must(err)
	reservation, err := client.UsernameReservation.Create().SetNameMAC([]byte("m")).SetAccountID(me).SetEndsAt(time.Now()).Save(ctx)
	must(err)
	attempt, err := client.LoginAttempt.Create().SetAccountID(me).SetOutcome(loginattempt.OutcomeFAILED).Save(ctx)
	must(err)
	throttle, err := client.Throttle.Create().SetScope([]byte("s")).SetTries(1).SetUntil(time.Now()).SetLastTry(me).SetEndsAt(time.Now()).Save(ctx)
	must(err)
	as := func(id uuid.UUID) context.Context { return viewer.With(t.Context(), viewer.OfPerson(id, uuid.Nil)) }
	with := func(role viewer.Role) context.Context {
		return viewer.With(t.Context(), viewer.OfPerson(strange, uuid.Nil).WithRole(role))
	}
	return &scene{
		client: client,
		viewers: map[class]context.Context{
			nobody: t.Context(), stranger: as(strange), blocked: as(out), blocker: as(away), member: as(friend), self: as(me),
			audience:  viewer.With(t.Context(), viewer.OfAudience(c.ID, false)),
			elsewhere: viewer.With(t.Context(), viewer.OfAudience(uuid.New(), false)),
			moderator: with(viewer.RoleModerator), admin: with(viewer.RoleAdmin),
			operator: viewer.AsOperator(t.Context()), system: ctx,
		},
		rows: map[string]uuid.UUID{
			"Account": me, "AuthSession": session.ID, "Profile": me, "Block": block.ID, "Conversation": c.ID,
			"ConversationMember": mine.ID, "ConversationEntry": entry.ID, "Curtain": curtain.ID, "Message": message.ID,
			"IdempotencyKey": key.ID, "OneTimeToken": link.ID, "AuditEntry": audited.ID,
			"Invite": invited.ID, "InviteCode": code.ID,
			"UsernameReservation": reservation.ID,
			"LoginAttempt":        attempt.ID, "Throttle": throttle.ID,
		},
	}
}

// entities are the names of all entities that the client knows.
func entities(client *ent.Client) []string {
	var names []string
	v := reflect.ValueOf(client).Elem()
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if v.Field(i).CanInterface() && v.Field(i).Kind() == reflect.Pointer && v.Field(i).MethodByName("Query").IsValid() {
			names = append(names, name)
		}
	}
	return names
}

// call calls a method of an entity's client, or of what such a method answered, by its name.
func call(on reflect.Value, method string, args ...any) reflect.Value {
	in := make([]reflect.Value, len(args))
	for i, a := range args {
		in[i] = reflect.ValueOf(a)
	}
	return on.MethodByName(method).Call(in)[0]
}

func (s *scene) of(name string) reflect.Value {
	return reflect.ValueOf(s.client).Elem().FieldByName(name)
}

// sees tells whether a viewer finds the row.
func (s *scene) sees(ctx context.Context, name string) (bool, error) {
	got := s.of(name).MethodByName("Get").Call([]reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(s.rows[name])})
	err, _ := got[1].Interface().(error)
	if ent.IsNotFound(err) || errors.Is(err, privacy.Deny) {
		return false, nil
	}
	return err == nil, err
}

// deletes tells whether a viewer's deletion of the row, undone at once, reaches it.
func (s *scene) deletes(ctx context.Context, t *testing.T, name string) (bool, error) {
	tx, err := s.client.Tx(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	deletion := call(reflect.ValueOf(tx).Elem().FieldByName(name), "DeleteOneID", s.rows[name])
	err, _ = call(deletion, "Exec", ctx).Interface().(error)
	if ent.IsNotFound(err) || errors.Is(err, privacy.Deny) {
		return false, nil
	}
	return err == nil, err
}

func has(list []class, c class) bool {
	for _, l := range list {
		if l == c {
			return true
		}
	}
	return false
}

func TestEveryEntityForEveryViewer(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for _, name := range entities(s.client) {
		if readers[name] == nil || writers[name] == nil || s.rows[name] == uuid.Nil {
			t.Errorf("%s: say in this test who reads and who writes it", name)
			continue
		}
		for _, c := range classes {
			sees, err := s.sees(s.viewers[c], name)
			if err != nil {
				t.Errorf("%s, %s: %v", name, c, err)
			}
			if want := has(readers[name], c); sees != want {
				t.Errorf("%s: the %s sees it: %v, want %v", name, c, sees, want)
			}
			deletes, err := s.deletes(s.viewers[c], t, name)
			if err != nil {
				t.Errorf("%s, %s: %v", name, c, err)
			}
			if want := has(writers[name], c); deletes != want {
				t.Errorf("%s: the %s may delete it: %v, want %v", name, c, deletes, want)
			}
		}
	}
}

// How the person stands decides who sees their profile, and whether there is a card: everybody else of whom it is hidden
// sees nothing, whatever their role, and there is nothing to see once the account is erased.
func TestStandings(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	me := s.rows["Profile"]
	sys := viewer.AsSystem(t.Context(), "test")
	stand := func(t *testing.T, hidden bool, change func(*ent.AccountUpdateOne) *ent.AccountUpdateOne) {
		t.Helper()
		update := s.client.Profile.UpdateOneID(me)
		if hidden {
			update.SetHiddenAt(time.Now())
		} else {
			update.ClearHiddenAt()
		}
		if err := errors.Join(update.Exec(sys), change(s.client.Account.UpdateOneID(me)).Exec(sys)); err != nil {
			t.Fatal(err)
		}
	}
	shown, unseen := readers["Profile"], []class{self, system}
	for _, c := range []struct {
		standing string
		hidden   bool
		change   func(*ent.AccountUpdateOne) *ent.AccountUpdateOne
		readers  []class
	}{
		{"unverified", false, func(u *ent.AccountUpdateOne) *ent.AccountUpdateOne { return u.ClearEmailVerifiedAt() }, shown},
		{"active", false, func(u *ent.AccountUpdateOne) *ent.AccountUpdateOne { return u.SetEmailVerifiedAt(time.Now()) }, shown},
		{"deactivated", true, func(u *ent.AccountUpdateOne) *ent.AccountUpdateOne { return u.SetDeactivatedAt(time.Now()) }, unseen},
		{"banned", true, func(u *ent.AccountUpdateOne) *ent.AccountUpdateOne { return u.SetBannedAt(time.Now()) }, unseen},
		{"back", false, func(u *ent.AccountUpdateOne) *ent.AccountUpdateOne { return u.ClearBannedAt() }, shown},
	} {
		stand(t, c.hidden, c.change)
		for _, by := range classes {
			sees, err := s.sees(s.viewers[by], "Profile")
			if err != nil {
				t.Errorf("%s, %s: %v", c.standing, by, err)
			}
			if want := has(c.readers, by); sees != want {
				t.Errorf("the %s sees the profile of somebody %s: %v, want %v", by, c.standing, sees, want)
			}
			// The account is its person's alone, however it stands.
			sees, err = s.sees(s.viewers[by], "Account")
			if want := has(readers["Account"], by); err != nil || sees != want {
				t.Errorf("the %s sees the account of somebody %s: %v, %v, want %v", by, c.standing, sees, err, want)
			}
		}
	}
	if err := s.client.Account.DeleteOneID(me).Exec(sys); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Account", "Profile", "AuthSession", "Block", "ConversationMember"} {
		for _, by := range classes {
			if sees, err := s.sees(s.viewers[by], name); err != nil || sees {
				t.Errorf("the %s sees the %s of somebody erased: %v", by, name, err)
			}
		}
	}
}

func TestNothingIsOpenByDefault(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for _, name := range entities(s.client) {
		for what, run := range map[string]func() error{
			"a query":  func() error { return second(t.Context(), call(s.of(name), "Query").MethodByName("All")) },
			"a count":  func() error { return second(t.Context(), call(s.of(name), "Query").MethodByName("Count")) },
			"a delete": func() error { return second(t.Context(), call(s.of(name), "Delete").MethodByName("Exec")) },
			"a create": func() error { return second(t.Context(), call(s.of(name), "Create").MethodByName("Save")) },
			"an update": func() error {
				return second(t.Context(), call(s.of(name), "Update").MethodByName("Save"))
			},
		} {
			if err := run(); !errors.Is(err, privacy.Deny) && !isMissingField(err) {
				t.Errorf("%s: %s without a viewer is not denied: %v", name, what, err)
			}
		}
	}
}

// isMissingField tells that ent refused a create before its policy was asked.
func isMissingField(err error) bool {
	return err != nil && strings.Contains(err.Error(), "missing required field")
}

func second(ctx context.Context, method reflect.Value) error {
	err, _ := method.Call([]reflect.Value{reflect.ValueOf(ctx)})[1].Interface().(error)
	return err
}

func TestNobodyCreatesForOthers(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	me := s.rows["Account"]
	for c, ctx := range s.viewers {
		if c == self || c == system {
			continue
		}
		err := s.client.Block.Create().SetBlockerID(me).SetBlockedID(uuid.New()).Exec(ctx)
		if !errors.Is(err, privacy.Deny) {
			t.Errorf("the %s makes a block in another's name: %v", c, err)
		}
	}
}
