// Package topic puts chosen facts on topics: Redis streams that services outside of Convene read, such as the
// one that greets whoever is new. docs/topics.md is the page for those who write such a service.
//
// It promises:
//   - Every fact of a kind that [Table] names gets onto its topic, at least once, and those of one subject in
//     their order. A fact that is there twice has the same number twice.
//   - An entry holds ids and nothing personal.
//   - What nobody outside may know is on no topic: the kinds say so themselves.
//   - While Redis is away the facts wait; nothing else does.
package topic
