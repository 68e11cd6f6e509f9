// Package db is PostgreSQL: how Convene connects to it, units of work, migrations, the epoch by which a
// restored database is noticed, and what its errors mean. It is the one home of lib/pq.
package db
