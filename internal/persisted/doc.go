// Package persisted keeps the texts of persisted queries in Redis, so that a text which one node was sent is known to
// all of them.
//
// It promises:
//   - A text stays a day after it was last asked for.
//   - While Redis is away nobody waits for it longer than a moment, and texts are not known: clients send them again.
package persisted
