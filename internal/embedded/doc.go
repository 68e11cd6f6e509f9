// Package embedded runs a private PostgreSQL and a private Redis, so that
// Convene comes up on a machine where nobody has set up either.
//
// It promises:
//   - The programs come from the machine: the newest PostgreSQL from 14 on, or
//     the very version that made the data. As root on Debian and its kin they
//     are installed when missing. Where there are none, the error says within
//     a second what was tried and what helps.
//   - Nothing listens on the network but the Redis that is built in (loopback,
//     a free port): the servers are reached through sockets in a folder that
//     only their account may enter.
//   - One process owns a data folder at a time, and another is told which.
//   - The servers end with their owner: in order on Close, and also, on Linux,
//     when the owner is killed. Elsewhere the next start ends what was left.
//   - Data is deleted by Reset and by the Close of a throw-away run, and by
//     nothing else. A run that stopped half-way through making it is repeated.
//   - A server that dies by itself is reported with the end of its log.
//
// PostgreSQL refuses to work for root. A root-run Convene therefore starts its
// servers as the owner of the data, else as postgres, else as nobody, and keeps
// the data where that account can reach it.
package embedded
