package transport

import "fmt"

// An ending is how a connection ends: for a socket its close frame. The official client comes back after
// 1001, 1012, 1013, 4403 and 4408, and gives up after the others.
type ending struct {
	code   int
	reason string // at most 123 bytes
	drop   bool   // what still waits is not sent first
	slow   bool   // the client did not keep up
}

// The protocol's own codes are 4400 and above; see
// https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
var (
	endGone         = ending{drop: true} // nobody is there any more
	endDone         = ending{code: 1000}
	endSilent       = ending{code: 1001, reason: "Ping not answered", drop: true}
	endRestart      = ending{code: 1012, reason: "Service restart"}
	endUnavailable  = ending{code: 1013, reason: "Not available right now"}
	endSlow         = ending{code: 1013, reason: "Too slow", slow: true} // it can resume behind what it gets
	endStalled      = ending{code: 1013, reason: "Too slow", slow: true, drop: true}
	endCrowded      = ending{code: 1013, reason: "Too many sockets"} // one may be closed soon
	endUnauthorized = ending{code: 4401, reason: "Unauthorized"}
	endForbidden    = ending{code: 4403, reason: "Forbidden"}
	endExpired      = ending{code: 4403, reason: "Credentials expired"}
	endRevoked      = ending{code: 4403, reason: "Session ended"}
	endSubprotocol  = ending{code: 4406, reason: "Subprotocol not acceptable"}
	endInitLate     = ending{code: 4408, reason: "Connection initialisation timeout"}
	endInitTwice    = ending{code: 4429, reason: "Too many initialisation requests"}
)

func endInvalid(why string) ending {
	return ending{code: 4400, reason: "Invalid message: " + why}
}

func endTooBig(most int64) ending {
	return ending{code: 1009, reason: fmt.Sprintf("A message has at most %d bytes", most)}
}

func endTaken(id string) ending {
	if len(id) > 80 {
		id = "this id"
	}
	return ending{code: 4409, reason: "Subscriber for " + id + " already exists"}
}
