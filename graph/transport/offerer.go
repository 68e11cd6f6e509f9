package transport

// An Offerer is a Subscriber that also takes results that may be lost, such as who is typing. Both
// transports' subscribers are.
type Offerer interface {
	Subscriber
	// Offer takes a result as Next does, and drops it if the client is behind.
	Offer(result []byte)
}

var (
	_ Offerer = (*operation)(nil)
	_ Offerer = (*stream)(nil)
)
