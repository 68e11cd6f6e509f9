// Package fact keeps what happened. A fact is stored in the transaction of the change that it tells of, so no
// crash can lose it, and has ids only. Whoever has something to do about it is a [Consumer], with a queue of
// its own in PostgreSQL.
//
// It promises:
//   - A consumer's effects in PostgreSQL happen exactly once, because they commit together with the fact's
//     leaving the queue, and in order for each subject.
//   - A fact that a consumer fails on is parked and tried again, ever more slowly. Later facts of that subject
//     wait behind it, all others go on, and the operator can see it.
//   - What happens in bursts, such as messages in a conversation, costs one row however often it happens: see
//     [Burst]. Bursts have no order against facts, so their consumers read the current state.
//   - Facts are kept for 30 days, and longer where a consumer has yet to deal with them.
package fact
