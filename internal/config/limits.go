package config

import (
	"fmt"
	"net/netip"
)

// Limits are how much clients may ask for. Zero is no limit.
type Limits struct {
	// TrustedProxies are the addresses and networks, separated by commas, of the proxies in front of Convene, like
	// 10.0.0.5 or 10.0.0.0/8; what they say of a client's address in X-Forwarded-For is believed, and nobody else.
	TrustedProxies []string `env:"CONVENE_TRUSTED_PROXIES"`
	// OperationsPerAccount is how much an account may ask of all nodes together in a second, on average, and ten
	// times as much at once: a query or a subscription counts 1, a mutation 5 for each of its fields; 0 for no
	// limit, which is also the default in dev.
	OperationsPerAccount int `env:"CONVENE_OPERATIONS_PER_ACCOUNT" envDefault:"50"`
	// OperationsPerAddress is how much all who come from one address may ask, counted likewise, and 1 for each
	// HTTP request besides; 0 for no limit, which is also the default in dev.
	OperationsPerAddress int `env:"CONVENE_OPERATIONS_PER_ADDRESS" envDefault:"500"`
	// FailedSignIns is how often signing in may fail for one login within ten minutes, and five times as often for
	// one address, from which as many may ask for a new password; 0 for no limit, which is also the default in dev.
	FailedSignIns int `env:"CONVENE_FAILED_SIGN_INS" envDefault:"10"`
	// RegistrationsPerAddress is how many may register from one address within an hour; 0 for no limit, which is
	// also the default in dev.
	RegistrationsPerAddress int `env:"CONVENE_REGISTRATIONS_PER_ADDRESS" envDefault:"100"`
	// SocketsPerAccount is how many sockets and event streams a node holds open for one account; 0 for no limit,
	// which is also the default in dev.
	SocketsPerAccount int `env:"CONVENE_SOCKETS_PER_ACCOUNT" envDefault:"20"`
	// SocketsPerAddress is how many sockets and event streams a node holds open for one address; 0 for no limit,
	// which is also the default in dev.
	SocketsPerAddress int `env:"CONVENE_SOCKETS_PER_ADDRESS" envDefault:"1000"`
	// MessagesPerSocket is how many messages a second a node reads from one socket, on average, and four times as
	// many at once; beyond that it reads more slowly; 0 for no limit, which is also the default in dev.
	MessagesPerSocket int `env:"CONVENE_MESSAGES_PER_SOCKET" envDefault:"50"`
	// ResultSize is how many bytes a result has at most that goes to a socket or an event stream; 65536 or more.
	ResultSize int `env:"CONVENE_RESULT_SIZE" envDefault:"1048576"`
}

// widen lifts what would be in the way of a load test on one's own machine, where somebody has not said otherwise.
func (l *Limits) widen(getenv func(string) string) {
	for name, at := range map[string]*int{
		"CONVENE_OPERATIONS_PER_ACCOUNT":    &l.OperationsPerAccount,
		"CONVENE_OPERATIONS_PER_ADDRESS":    &l.OperationsPerAddress,
		"CONVENE_FAILED_SIGN_INS":           &l.FailedSignIns,
		"CONVENE_REGISTRATIONS_PER_ADDRESS": &l.RegistrationsPerAddress,
		"CONVENE_SOCKETS_PER_ACCOUNT":       &l.SocketsPerAccount,
		"CONVENE_SOCKETS_PER_ADDRESS":       &l.SocketsPerAddress,
		"CONVENE_MESSAGES_PER_SOCKET":       &l.MessagesPerSocket,
	} {
		if getenv(name) == "" {
			*at = 0
		}
	}
}

// Proxies are the networks of the trusted proxies.
func (l Limits) Proxies() ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range l.TrustedProxies {
		network, err := netip.ParsePrefix(text)
		if address, err2 := netip.ParseAddr(text); err2 == nil {
			network, err = address.Prefix(address.BitLen())
		}
		if err != nil {
			return nil, fmt.Errorf("CONVENE_TRUSTED_PROXIES has %q and takes addresses and networks like 10.0.0.5 or 10.0.0.0/8", text)
		}
		all = append(all, network.Masked())
	}
	return all, nil
}

func (c Config) checkLimits() error {
	if _, err := c.Proxies(); err != nil {
		return err
	}
	for _, s := range []struct {
		name  string
		value int
	}{
		{"CONVENE_OPERATIONS_PER_ACCOUNT", c.OperationsPerAccount},
		{"CONVENE_OPERATIONS_PER_ADDRESS", c.OperationsPerAddress},
		{"CONVENE_FAILED_SIGN_INS", c.FailedSignIns},
		{"CONVENE_REGISTRATIONS_PER_ADDRESS", c.RegistrationsPerAddress},
		{"CONVENE_SOCKETS_PER_ACCOUNT", c.SocketsPerAccount},
		{"CONVENE_SOCKETS_PER_ADDRESS", c.SocketsPerAddress},
		{"CONVENE_MESSAGES_PER_SOCKET", c.MessagesPerSocket},
	} {
		if s.value < 0 || s.value > 1_000_000 {
			return fmt.Errorf("%s is %d and has to be between 0 (no limit) and 1000000", s.name, s.value)
		}
	}
	if c.ResultSize < 64<<10 {
		return fmt.Errorf("CONVENE_RESULT_SIZE is %d and has to be at least 65536", c.ResultSize)
	}
	return nil
}
