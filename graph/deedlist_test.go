package graph_test

import (
	"context"
	"slices"
	"testing"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/viewer"
)

// deeds are all of them: those that succeed, that change nothing, and that are refused.
func deeds() []deed {
	return slices.Concat(accountDeeds(), linkDeeds(), sessionDeeds(), peopleDeeds(), messageDeeds(), inviteDeeds(), operatorDeeds())
}

func accountDeeds() []deed {
	person := func(changes vars) func(*testing.T, *stage) vars {
		return func(_ *testing.T, s *stage) vars {
			s.viewer = viewer.Viewer{}
			in := vars{"username": "carol", "email": "carol@example.com", "password": password}
			for k, v := range changes {
				in[k] = v
			}
			return in
		}
	}
	login := func(password string) func(*testing.T, *stage) vars {
		return func(_ *testing.T, s *stage) vars {
			s.viewer = viewer.Viewer{}
			return vars{"login": "ada", "password": password}
		}
	}
	return []deed{
		mutation("register", "", person(nil), "account.created 1 by 1", "session.opened 1 by 1 session=2"),
		refused("register", "with a name that is taken", person(vars{"username": "ada"})),
		mutation("register", "with a code", func(t *testing.T, s *stage) vars {
			return person(vars{"inviteCode": s.code(t).Code})(t, s)
		}, "account.created 1 by 1", "account.referred 1 by 1 inviter=ada", "session.opened 1 by 1 session=2"),
		refused("register", "with a code that is none", person(vars{"inviteCode": "0000-1111-2222-3333-4444"})),
		mutation("signIn", "", login(password), "session.opened ada by ada session=1"),
		refused("signIn", "with a wrong password", login("wrong")),
		mutation("signIn", "to come back", func(t *testing.T, s *stage) vars {
			if err := s.call(t, "deactivateAccount", nil)(t.Context()); err != nil {
				t.Fatal(err)
			}
			in := login(password)(t, s)
			in["reactivate"] = true
			return in
		}, "account.reactivated ada by ada", "session.opened ada by ada session=1"),
	}
}

func sessionDeeds() []deed {
	none := func(*testing.T, *stage) vars { return nil }
	input := func(in vars) func(*testing.T, *stage) vars { return func(*testing.T, *stage) vars { return in } }
	token := func(_ *testing.T, s *stage) vars {
		s.viewer = viewer.Viewer{}
		return vars{"refreshToken": *s.tokens.RefreshToken}
	}
	used := refused("refreshSession", "with a token that was used up long ago", func(t *testing.T, s *stage) vars {
		s.refreshed(t, s.refreshed(t, *s.tokens.RefreshToken))
		return token(t, s)
	})
	used.want = []string{"session.revoked ada session=here"}
	phone := func(t *testing.T, s *stage) vars { return vars{"sessionId": sessionID(s.again(t).Viewer.Session())} }
	return []deed{
		mutation("reauthenticate", "", func(*testing.T, *stage) vars { return vars{"password": password} }),
		refused("reauthenticate", "with a wrong password", func(*testing.T, *stage) vars { return vars{"password": "wrong"} }),
		mutation("changeUsername", "", input(vars{"username": "ada.l"}), "profile.updated ada by ada", "account.username_changed ada by ada"),
		mutation("changeUsername", "to what it is", input(vars{"username": "Ada"})),
		refused("changeUsername", "to somebody else's", input(vars{"username": "bob"})),
		mutation("changePassword", "", func(t *testing.T, s *stage) vars {
			s.again(t)
			return vars{"newPassword": "another horse battery"}
		}, "account.sessions_revoked ada by ada", "account.password_changed ada by ada"),
		refused("changePassword", "to a short one", input(vars{"newPassword": "short"})),
		mutation("deactivateAccount", "", none, "account.sessions_revoked ada", "account.deactivated ada by ada"),
		mutation("eraseAccount", "", none, "account.sessions_revoked ada", "account.deactivated ada by ada", "account.erasure_requested ada by ada"),
		mutation("revokeAllSessions", "", none, "account.sessions_revoked ada by ada"),
		mutation("refreshSession", "", token),
		used,
		mutation("signOut", "", none, "session.revoked ada by ada session=here"),
		mutation("revokeSession", "", phone, "session.revoked ada by ada session=phone"),
		mutation("revokeSession", "of one that has ended", func(t *testing.T, s *stage) vars {
			in := phone(t, s)
			if err := s.call(t, "revokeSession", in)(t.Context()); err != nil {
				t.Fatal(err)
			}
			return in
		}),
		refused("revokeSession", "of nobody", func(*testing.T, *stage) vars { return vars{"sessionId": nobodyID(ent.AuthSessionPrefix)} }),
		mutation("revokeOtherSessions", "", func(t *testing.T, s *stage) vars {
			s.again(t)
			return nil
		}, "account.sessions_revoked ada by ada"),
		mutation("revokeOtherSessions", "where there are none", none),
	}
}

func peopleDeeds() []deed {
	bob := func(_ *testing.T, s *stage) vars { return vars{"profileId": profileID(s.bob)} }
	blocked := func(t *testing.T, s *stage) vars {
		if err := s.call(t, "block", bob(t, s))(t.Context()); err != nil {
			t.Fatal(err)
		}
		return bob(t, s)
	}
	nobody := func(*testing.T, *stage) vars { return vars{"profileId": nobodyID(ent.ProfilePrefix)} }
	name := func(in vars) func(*testing.T, *stage) vars { return func(*testing.T, *stage) vars { return in } }
	return []deed{
		mutation("block", "", bob, "block.created ada by ada blocked=bob"),
		mutation("block", "of the blocked", blocked),
		refused("block", "of nobody", nobody),
		mutation("unblock", "", blocked, "block.deleted ada by ada blocked=bob"),
		mutation("unblock", "of somebody not blocked", bob),
		refused("unblock", "of nobody", nobody),
		mutation("updateProfile", "", name(vars{"displayName": "Ada L."}), "profile.updated ada by ada"),
		mutation("updateProfile", "of nothing", name(vars{})),
		refused("updateProfile", "with a bad name", name(vars{"displayName": "\n"})),
		refused("updateProfile", "that was changed meanwhile", name(vars{"displayName": "Ada", "expectedVersion": 7})),
	}
}

func messageDeeds() []deed {
	to := func(body string) func(*testing.T, *stage) vars {
		return func(_ *testing.T, s *stage) vars { return vars{"recipientId": profileID(s.bob), "body": body} }
	}
	in := func(more vars) func(*testing.T, *stage) vars {
		return func(t *testing.T, s *stage) vars {
			conversation, _ := s.talk(t)
			input := vars{"conversationId": conversation}
			for k, v := range more {
				input[k] = v
			}
			return input
		}
	}
	hers := func(more vars) func(*testing.T, *stage) vars {
		return func(t *testing.T, s *stage) vars {
			_, hers := s.talk(t)
			input := vars{"messageId": hers}
			for k, v := range more {
				input[k] = v
			}
			return input
		}
	}
	his := func(more vars) func(*testing.T, *stage) vars {
		return func(t *testing.T, s *stage) vars {
			s.viewer = s.bob
			return hers(more)(t, s)
		}
	}
	nowhere := func(*testing.T, *stage) vars { return vars{"conversationId": nobodyID(ent.ConversationPrefix)} }
	return []deed{
		mutation("sendMessage", "to somebody new", to("hello"), "conversation.opened 1 by ada"),
		mutation("sendMessage", "", in(vars{"body": "and then?"})),
		refused("sendMessage", "without a text", to("")),
		mutation("editMessage", "", hers(vars{"body": "hello!"}), "message.edited talk by ada entry=1 message=hers"),
		mutation("editMessage", "to what it was", hers(vars{"body": "hello"})),
		refused("editMessage", "of somebody else", his(vars{"body": "mine"})),
		mutation("deleteMessage", "", hers(nil), "message.deleted talk by ada entry=1 message=hers"),
		mutation("deleteMessage", "of one that is gone", func(t *testing.T, s *stage) vars {
			input := hers(nil)(t, s)
			if err := s.call(t, "deleteMessage", input)(t.Context()); err != nil {
				t.Fatal(err)
			}
			return input
		}),
		refused("deleteMessage", "of somebody else", his(nil)),
		mutation("markConversationRead", "", in(nil)),
		refused("markConversationRead", "of none", nowhere),
		mutation("visitConversation", "", in(nil)),
		refused("visitConversation", "of none", nowhere),
		mutation("startTyping", "", in(nil)),
		mutation("startTyping", "again at once", func(t *testing.T, s *stage) vars {
			input := in(nil)(t, s)
			if err := s.call(t, "startTyping", input)(t.Context()); err != nil {
				t.Fatal(err)
			}
			return input
		}),
		refused("startTyping", "in none", nowhere),
	}
}

func operatorDeeds() []deed {
	command := func(name, how string, do func(context.Context, *stage, relay.ID) error, want ...string) deed {
		return deed{by: "convene admin " + name, how: how, want: want, prepare: func(_ *testing.T, s *stage) func(context.Context) error {
			return func(ctx context.Context) error {
				return do(viewer.AsOperator(ctx), s, relay.NewID(ent.AccountPrefix, s.ada.Account()))
			}
		}}
	}
	role := func(role viewer.Role) func(context.Context, *stage, relay.ID) error {
		return func(ctx context.Context, s *stage, ada relay.ID) error {
			_, err := s.Accounts.Grant(ctx, account.GrantRoleInput{AccountID: ada, Role: role})
			return err
		}
	}
	ban := func(ctx context.Context, s *stage, ada relay.ID) error {
		_, err := s.Accounts.Ban(ctx, account.BanAccountInput{AccountID: ada, Reason: "spam"})
		return err
	}
	unban := func(ctx context.Context, s *stage, ada relay.ID) error {
		_, err := s.Accounts.Unban(ctx, account.UnbanAccountInput{AccountID: ada})
		return err
	}
	// after has something done to Ada first.
	after := func(first func(context.Context, *stage, relay.ID) error, d deed) deed {
		prepare := d.prepare
		d.prepare = func(t *testing.T, s *stage) func(context.Context) error {
			t.Helper()
			if err := first(viewer.AsOperator(t.Context()), s, relay.NewID(ent.AccountPrefix, s.ada.Account())); err != nil {
				t.Fatal(err)
			}
			return prepare(t, s)
		}
		return d
	}
	return []deed{
		command("grant", "", role(viewer.RoleAdmin), "account.role_granted ada"),
		command("grant", "of the role that is there", role(viewer.RoleUser)),
		after(role(viewer.RoleAdmin), command("grant", "of a lower role", role(viewer.RoleUser), "account.sessions_revoked ada", "account.role_granted ada")),
		command("ban", "", ban, "account.sessions_revoked ada", "account.banned ada"),
		after(ban, command("unban", "", unban, "account.unbanned ada")),
		command("unban", "of somebody not banned", unban),
		command("erase", "", func(ctx context.Context, s *stage, ada relay.ID) error {
			_, err := s.Accounts.EraseOf(ctx, account.EraseAccountInput{AccountID: ada})
			return err
		}, "account.sessions_revoked ada", "account.deactivated ada", "account.erasure_requested ada"),
		after(func(ctx context.Context, s *stage, ada relay.ID) error {
			_, err := s.Accounts.EraseOf(ctx, account.EraseAccountInput{AccountID: ada, Now: true})
			return err
		}, deed{by: "convene serve", how: "when the time has come", want: []string{"account.erased ada"}, prepare: func(_ *testing.T, s *stage) func(context.Context) error {
			return s.Accounts.EraseDue
		}}),
		command("reset-password", "", func(ctx context.Context, s *stage, ada relay.ID) error {
			_, err := s.Accounts.GivePassword(ctx, account.GivePasswordInput{AccountID: ada})
			return err
		}, "account.sessions_revoked ada", "account.password_reset ada"),
		command("send-reset", "", func(ctx context.Context, s *stage, ada relay.ID) error {
			_, err := s.Accounts.IssuePasswordReset(ctx, account.IssuePasswordResetInput{ProfileID: relay.NewID(ent.ProfilePrefix, s.ada.Account())})
			return err
		}, "account.reset_issued ada"),
		command("sessions", "--revoke-all", func(ctx context.Context, s *stage, ada relay.ID) error {
			_, err := s.Accounts.RevokeOf(ctx, account.RevokeAccountSessionsInput{AccountID: ada})
			return err
		}, "account.sessions_revoked ada"),
		command("sessions", "--revoke", func(ctx context.Context, s *stage, ada relay.ID) error {
			id := relay.NewID(ent.AuthSessionPrefix, s.ada.Session())
			_, err := s.Accounts.RevokeOf(ctx, account.RevokeAccountSessionsInput{AccountID: ada, SessionID: &id})
			return err
		}, "session.revoked ada session=here"),
	}
}
