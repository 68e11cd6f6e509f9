package relay

// A Node has a global id. Every entity that has one is a Node.
type Node interface{ IsNode() }

// A UserError is a refusal of some slice.
type UserError interface{ IsUserError() }
