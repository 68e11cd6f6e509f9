package audit

// Action is what was done: dotted, and in the past tense. Actions never change once released, since entries
// live for more than a year.
type Action string

// All the actions there are.
const (
	AccountBanned          Action = "account.banned"
	AccountUnbanned        Action = "account.unbanned"
	AccountRoleGranted     Action = "account.role_granted"
	AccountPasswordReset   Action = "account.password_reset"
	AccountSessionsRevoked Action = "account.sessions_revoked"
	// AccountResetIssued is a link to a new password that an admin had sent.
	AccountResetIssued Action = "account.reset_issued"
	// AccountEmailAsked is another address that is still to be proved, AccountEmailChanged one that is, and AccountEmailKept
	// a change that the old address took back.
	AccountEmailAsked      Action = "account.email_asked"
	AccountEmailChanged    Action = "account.email_changed"
	AccountEmailKept       Action = "account.email_kept"
	AccountUsernameChanged Action = "account.username_changed"
	AccountPasswordChanged Action = "account.password_changed"
	AccountDeactivated     Action = "account.deactivated"
	AccountReactivated     Action = "account.reactivated"
	// AccountErasureRequested is that an account is to be erased after the grace; the person is hidden at once.
	AccountErasureRequested Action = "account.erasure_requested"
	AccountErased           Action = "account.erased"
	SessionRevoked          Action = "session.revoked"
	// SessionReused is a refresh token that came again after it had been used up: somebody else may have it,
	// so the session was ended.
	SessionReused Action = "session.reused"
	EpochRenewed  Action = "epoch.renewed"
	// InviteCodeCreated is a code of the operator's, and InviteCodeRevoked one that somebody else than its inviter ended.
	InviteCodeCreated Action = "invite.code_created"
	InviteCodeRevoked Action = "invite.code_revoked"
	// FactDropped is a parked fact that its consumer will never deal with.
	FactDropped Action = "fact.dropped"
	// JobCancelled is work that will not be done.
	JobCancelled Action = "job.cancelled"
)

// Actions are all of them, for tests: each has to be written by the use case that it names.
func Actions() []Action {
	return []Action{
		AccountBanned, AccountUnbanned, AccountRoleGranted, AccountPasswordReset, AccountSessionsRevoked,
		AccountResetIssued, AccountEmailAsked, AccountEmailChanged, AccountEmailKept,
		AccountUsernameChanged, AccountPasswordChanged, AccountDeactivated, AccountReactivated, AccountErasureRequested, AccountErased,
		SessionRevoked, SessionReused, EpochRenewed, InviteCodeCreated, InviteCodeRevoked, FactDropped, JobCancelled,
	}
}
