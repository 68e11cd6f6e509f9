// Package presence knows who is online: who has a connection open to any node, or had one half a minute ago. Who may
// know it is for others to say.
//
// Each node keeps the whole in memory: who is here, and for each other node who is there. So asking costs nothing,
// each node finds out by itself who has come or gone, and when a node dies the others notice by its silence and need
// nobody to say it. Nothing is kept in PostgreSQL.
//
// In Redis a node has one set of the people who are with it, which expires unless the node keeps it, and all nodes
// have one stream, in which each says at most once a second who has come and gone, and at least every five seconds
// that it lives. A node reads that stream once a second. Every command names one key, so a cluster does as well.
// While Redis is away nobody is said to be online or not: [Tracker.Online] says that it does not know.
package presence
