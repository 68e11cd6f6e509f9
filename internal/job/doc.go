// Package job is work that is done later, and more than once if need be: rows of PostgreSQL, written in the
// transaction of what they belong to, so that either both are there or neither. It is the one home of river.
//
// A job runs at least once: a node that dies between doing the work and writing that down does it again. What
// it does has to bear that.
//
// Nothing here depends on a database session, so it works behind PgBouncer: the leader holds a lease in a
// row, and nobody listens for notifications. A node wakes its own workers after the commit; those of other
// nodes find what is left when they next look, within a second.
package job
