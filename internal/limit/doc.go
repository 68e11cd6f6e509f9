// Package limit counts what clients ask, by account and by address, and says who has asked for too much.
//
// What it promises: nobody waits for Redis. A node decides in memory, and tells Redis ten times a second
// what it has let through; Redis answers what all nodes have, and the node goes by that from then on. So a
// limit holds for all nodes together, up to what each of them lets through between two answers; without
// Redis each node keeps it by itself.
//
// Memory is bounded: when more is counted than fits, what has been used least is forgotten.
package limit
