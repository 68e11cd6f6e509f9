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
	factResetIssued     = string(audit.AccountResetIssued)
	factVerified        = "account.verified"
	factEmailAsked      = string(audit.AccountEmailAsked)
	factEmailChanged    = string(audit.AccountEmailChanged)
	factEmailKept       = string(audit.AccountEmailKept)
	factUsernameChanged = string(audit.AccountUsernameChanged)
	factPasswordChanged = string(audit.AccountPasswordChanged)
	factDeactivated     = string(audit.AccountDeactivated)
	factReactivated     = string(audit.AccountReactivated)
	factToBeErased      = string(audit.AccountErasureRequested)
	factErased          = string(audit.AccountErased)
	factSessionOpened   = "session.opened"
	factSessionRevoked  = string(audit.SessionRevoked)
	factSessionsRevoked = string(audit.AccountSessionsRevoked)
)

// refSession names the session that a fact is about.
const refSession = "session"

// refInviter names the account by whose invite somebody has come.
const refInviter = "inviter"

// Appearances are the kinds of fact after which others see somebody otherwise than before: by another name, no longer,
// or again.
var Appearances = []string{factUsernameChanged, factDeactivated, factReactivated, factBanned, factUnbanned}

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
		Name: factPasswordReset, Subject: "account", By: []string{"resetPassword", "convene admin reset-password"},
		Says: "An account has another password: its person set it by a link, or it was given one.",
	},
	{
		Name: factResetIssued, Subject: "account", By: []string{"issuePasswordReset", "convene admin send-reset"},
		Says: "An admin has had a link to a new password sent.",
	},
	{Name: factVerified, Subject: "account", By: []string{"verifyEmail"}, Says: "An account has proved its address."},
	{
		Name: factEmailAsked, Subject: "account", By: []string{"changeEmail"},
		Says: "An account wants another address, which is still to be proved.",
	},
	{
		Name: factEmailChanged, Subject: "account", By: []string{"verifyEmail"},
		Says: "An account has another address, and has proved it.",
	},
	{
		Name: factEmailKept, Subject: "account", By: []string{"undoEmailChange"},
		Says: "An account has its old address back: a change was taken back by the link that was sent there.",
	},
	{
		Name: factUsernameChanged, Subject: "account", By: []string{"changeUsername"},
		Says: "Somebody has another username. The old one stays reserved for them for 30 days.",
	},
	{
		Name: factPasswordChanged, Subject: "account", By: []string{"changePassword"},
		Says: "Somebody has given themselves another password.",
	},
	{
		Name: factDeactivated, Subject: "account", By: []string{"deactivateAccount", "eraseAccount", "convene admin erase"},
		Says: "Somebody is hidden from everybody and signed out, and may come back.",
	},
	{
		Name: factReactivated, Subject: "account", By: []string{"signIn"},
		Says: "Somebody is back, and is to be erased no longer.",
	},
	{
		Name: factToBeErased, Subject: "account", By: []string{"eraseAccount", "convene admin erase"},
		Says: "An account is to be erased after the grace.",
	},
	{
		Name: factErased, Subject: "account", By: []string{"convene serve"},
		Says: "An account is gone, and all that was personal of it. What others keep of the person is theirs to let go of.",
	},
	{
		Name: factSessionOpened, Subject: "account", Refs: []string{refSession}, By: []string{"register", "signIn", "resetPassword"},
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
			"revokeOtherSessions", "revokeAllSessions", "resetPassword", "undoEmailChange", "changePassword", "deactivateAccount", "eraseAccount",
			"convene admin sessions",
			"convene admin ban", "convene admin grant", "convene admin reset-password", "convene admin erase",
		},
		Says: "Several of an account's sessions have ended before their time.",
	},
}
