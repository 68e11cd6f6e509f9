// Package wall decides what a document may ask before anything works on it: its size, before it is validated,
// and its cost, once it is valid. Libraries can be stalled by small documents, so nothing of them sees a document
// that has not passed, and every walk in here is linear in what it reads.
//
// It knows gqlparser's documents and schemas, and no transport.
package wall
