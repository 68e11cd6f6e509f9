// Package account is who somebody is: registering, signing in, and the sessions in which an account is
// signed in. It answers, for every request, whether whoever asks is who they say.
//
// What it promises:
//
//   - Nobody finds out here who has an account. Usernames are public, addresses are not: a used address is
//     answered like any other, and an unknown account costs one password hash as a wrong password does.
//   - An address belongs to an account only once it is verified. Until then any number of accounts may claim
//     it, and a claim lapses after seven days; the account keeps its username.
//   - A link in a mail is good once, for a time, and for its own account alone, whoever is signed in where it is opened. No
//     row and no job has what it says. Whoever comes first under the account's lock uses it up.
//   - What is mailed, and whether, is decided after the answer: that somebody asks for a new password, or gives an address, is
//     answered alike and in the same time, whatever belongs to whom.
//   - A refresh token is good once. Whoever uses an older one than the last is not whom we gave it to, or no
//     longer alone: the session ends.
//   - A banned account opens no session, also none that was being opened meanwhile. Only whoever knows its
//     password is told that it is banned.
//   - Whoever deactivates their account, or is banned, is hidden from everybody from the commit on. Whoever asks to be
//     erased is hidden at once, and gone after the grace: nothing personal of them is left in any table.
//   - What admins and the operator do to the accounts of others, and whatever ends a session, stands in the
//     audit log, or has not happened.
//   - A session that has ended is refused within a second on every node, also under an access token that is
//     good for another quarter of an hour.
//
// The invariants: an account has its profile from its first moment; a session's generation goes up by one
// with each refresh and never down; expires_at is never behind ends_at; a revoked session stays revoked;
// ban_reason is null unless banned_at is set; an address that is proved belongs to one account.
//
// Owns: Account, AuthSession, IdempotencyKey, LoginAttempt, OneTimeToken, Throttle, UsernameReservation
package account
