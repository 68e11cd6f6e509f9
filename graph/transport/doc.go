// Package transport carries GraphQL between clients and the executor: GraphQL over HTTP by POST and GET,
// graphql-transport-ws over WebSocket, and server-sent events in distinct connections mode.
//
// What it promises: a result is never written by whoever produced it, and no client makes another one
// wait. Every open connection has a bounded queue and one writer; a client that does not keep up is
// closed with a code that makes it come back and resume. A close code is always preceded by what was
// queued before it, unless the client is too slow for that, and nothing follows it.
//
// The parts know little of each other, so that each can be replaced: an outbox (the bounded queue), a
// link (one WebSocket, here on coder/websocket), a session (the protocol spoken over a link), a stream
// (server-sent events).
package transport
