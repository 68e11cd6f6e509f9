package graph_test

import (
	"crypto/sha256"
	"testing"
	"time"

	"github.com/convenehq/convene/ent/onetimetoken"
	"github.com/convenehq/convene/internal/viewer"
)

// linked is a link of Ada's, whose address is proved unless the link does that, and what it does.
func linked(purpose onetimetoken.Purpose, more vars) func(*testing.T, *stage) vars {
	return func(t *testing.T, s *stage) vars {
		t.Helper()
		s.viewer = viewer.Viewer{}
		sys := viewer.AsSystem(t.Context(), "a test")
		ada, err := s.db.Ent.Account.Get(sys, s.ada.Account())
		if err != nil {
			t.Fatal(err)
		}
		change, to := s.db.Ent.Account.UpdateOne(ada), ada.Email
		if purpose != onetimetoken.PurposeVERIFY_EMAIL {
			change.SetEmailVerifiedAt(time.Now())
		}
		if purpose == onetimetoken.PurposeCHANGE_EMAIL {
			to = "lovelace@example.com"
			change.SetEmailPending(to).SetEmailPendingAt(time.Now())
		}
		if err := change.Exec(sys); err != nil {
			t.Fatal(err)
		}
		mark := sha256.Sum256([]byte(ada.PasswordHash))
		row, err := s.db.Ent.OneTimeToken.Create().SetAccountID(ada.ID).SetPurpose(purpose).SetEmail(to).
			SetPasswordMark(mark[:]).SetExpiresAt(time.Now().Add(time.Hour)).Save(sys)
		if err != nil {
			t.Fatal(err)
		}
		in := vars{"token": s.Ring.SignLink(row.ID)}
		for k, v := range more {
			in[k] = v
		}
		return in
	}
}

func linkDeeds() []deed {
	none := func(*testing.T, *stage) vars { return nil }
	as := func(in vars) func(*testing.T, *stage) vars { return func(*testing.T, *stage) vars { return in } }
	proved := func(then func(*testing.T, *stage) vars) func(*testing.T, *stage) vars {
		return func(t *testing.T, s *stage) vars {
			t.Helper()
			linked(onetimetoken.PurposeUNDO_EMAIL, nil)(t, s)
			s.viewer = s.ada
			return then(t, s)
		}
	}
	admin := func(t *testing.T, s *stage) vars {
		t.Helper()
		s.viewer = s.bob.WithRole(viewer.RoleAdmin)
		return vars{"profileId": profileID(s.ada)}
	}
	return []deed{
		mutation("requestEmailVerification", "", none),
		mutation("requestEmailVerification", "of what is proved", proved(none)),
		mutation("verifyEmail", "", linked(onetimetoken.PurposeVERIFY_EMAIL, nil), "account.verified ada by ada"),
		mutation("verifyEmail", "of another address", linked(onetimetoken.PurposeCHANGE_EMAIL, nil), "account.email_changed ada by ada"),
		refused("verifyEmail", "by what is no link", as(vars{"token": "x"})),
		refused("verifyEmail", "by a link for something else", linked(onetimetoken.PurposeUNDO_EMAIL, nil)),
		mutation("requestPasswordReset", "", as(vars{"login": "ada"})),
		mutation("requestPasswordReset", "of nobody", as(vars{"login": "nobody"})),
		mutation("resetPassword", "", linked(onetimetoken.PurposeRESET_PASSWORD, vars{"newPassword": "another horse entirely"}),
			"account.sessions_revoked ada", "account.password_reset ada by ada", "session.opened ada by ada session=1"),
		refused("resetPassword", "with a bad password", linked(onetimetoken.PurposeRESET_PASSWORD, vars{"newPassword": "x"})),
		mutation("issuePasswordReset", "", admin, "account.reset_issued ada by bob"),
		mutation("changeEmail", "", proved(as(vars{"email": "lovelace@example.com"})), "account.email_asked ada by ada"),
		mutation("changeEmail", "of one that was never proved", as(vars{"email": "lovelace@example.com"}), "account.email_asked ada by ada"),
		mutation("changeEmail", "to the same", as(vars{"email": "ada@example.com"})),
		refused("changeEmail", "to what is none", as(vars{"email": "ada"})),
		mutation("undoEmailChange", "", linked(onetimetoken.PurposeUNDO_EMAIL, nil),
			"account.sessions_revoked ada", "account.email_kept ada by ada"),
		refused("undoEmailChange", "by what is no link", as(vars{"token": "x"})),
	}
}
