// Package live delivers numbered streams of updates to whoever subscribes, on any number of nodes. It
// knows neither GraphQL nor what an update says: bytes in, bytes out.
//
// PostgreSQL is the truth and Redis the fast path. Each stream has a head, a number that a writer takes
// under the row's lock in the transaction of the change; after the commit the writer publishes number
// and payload on the stream's Redis channel. A node's [Hub] delivers what follows its head at once,
// drops what it has had, and on a gap reads from PostgreSQL. A sweep over all streams of the node finds
// a last update that was lost, so that everything arrives also with Redis down.
//
// Attaching and delivering share the stream's lock, which is what makes replay-then-live exactly once: a
// subscriber is given all that came after its cursor, and joins the others at the very number where the
// replay ended. Where the replay can't be given, it is told to refetch by an [Item] of kind Resync.
package live
