package account

import (
	"github.com/convenehq/convene/internal/audit"
	"github.com/convenehq/convene/internal/fact"
)

// The kinds of fact that the slice stores. What admins and the operator do is called as in the audit log, which
// keeps it longer and says what changed.
const (
	factCreated         = "account.created"
	factReferred        = "account.referred"
	factRoleGranted     = string(audit.AccountRoleGranted)
	factBanned          = string(audit.AccountBanned)
	factUnbanned        = string(audit.AccountUnbanned)
	factPasswordReset   = string(audit.AccountPasswordReset)
	factSessionOpened   = "session.opened"
	factSessionRevoked  = string(audit.SessionRevoked)
	factSessionsRevoked = string(audit.AccountSessionsRevoked)
)

// refSession names the session that a fact is about.
const refSession = "session"

// refInviter names the account by whose invite somebody has come.
const refInviter = "inviter"

// Facts are the slice's part of the catalogue.
var Facts = []fact.Kind{
	{Name: factCreated, Subject: "account", By: []string{"register"}, Says: "Somebody has made an account."},
	{
		Name: factReferred, Subject: "account", Refs: []string{refInviter}, By: []string{"register"},
		Says: "Somebody has made an account by another person's invite.",
	},
	{Name: factRoleGranted, Subject: "account", By: []string{"convene admin grant"}, Says: "An account has another role."},
	{Name: factBanned, Subject: "account", By: []string{"convene admin ban"}, Says: "An account is kept out."},
	{Name: factUnbanned, Subject: "account", By: []string{"convene admin unban"}, Says: "An account may sign in again."},
	{
		Name: factPasswordReset, Subject: "account", By: []string{"convene admin reset-password"},
		Says: "An account has been given another password.",
	},
	{
		Name: factSessionOpened, Subject: "account", Refs: []string{refSession}, By: []string{"register", "signIn"},
		Says: "Somebody has signed in.",
	},
	{
		Name: factSessionRevoked, Subject: "account", Refs: []string{refSession},
		By:   []string{"signOut", "revokeSession", "refreshSession", "convene admin sessions"},
		Says: "A session has ended before its time: its person or an admin ended it, or an old token of it came again.",
	},
	{
		Name: factSessionsRevoked, Subject: "account",
		By: []string{
			"revokeOtherSessions", "convene admin sessions", "convene admin ban", "convene admin grant", "convene admin reset-password",
		},
		Says: "Several of an account's sessions have ended before their time.",
	},
}
