// Package audit is the log of who did what to whom: of everything privileged, and of what concerns
// somebody's security. Use cases write an entry in the very transaction of the change.
//
// What it promises:
//
//   - No change without its entry and no entry without its change: both are committed together or not at all.
//   - An entry is never changed, but that what it says of somebody who is erased is taken out of it. It is removed when
//     its time is up, by the sweep, and not before: a trigger in the database refuses anything else.
//   - No secret is in an entry. Of a password it says that it changed.
//   - Who reads: admins and the operator, by the entity's policy.
//
// What is here: changed roles, bans, new passwords, sessions that somebody ended or that were ended for
// misuse, and what the operator does at the command line. Registering and signing in are not: they change
// nothing of anybody else's, and failed attempts are counted, not logged one by one.
//
// Owns: AuditEntry
package audit
