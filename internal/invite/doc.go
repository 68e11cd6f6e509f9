// Package invite is who may join: invites that are mailed to an address, codes that are told to anybody, and who came
// by them.
//
// What it promises:
//
//   - A code lets in as many as it says and not one more, however many try at once: its use is counted in the
//     transaction that makes the account.
//   - A code is stored as a hash and nothing else. That of a mail is made anew when the mail is sent.
//   - Nobody finds out here who has an account: an address is answered like any other, and what differs is done by a job
//     after the answer.
//   - Codes of whoever is banned let nobody in. What is wrong with a code is not told to who holds it.
//   - How much an account may invite in a day is counted in PostgreSQL, under the account's lock.
//   - An invited address is forgotten when the invite ends.
//
// The invariants: use_count is never above max_uses; an invite that was accepted or withdrawn has no address; it is never
// both.
//
// Owns: Invite, InviteCode
package invite
