package embedded

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports from which a free one is chosen. They lie below those that systems give out by themselves, to whoever
// connects or listens on port 0: such a port may be taken again before the program that it was found for listens.
const firstPort, portCount = 20_000, 10_000

// FreeAddress is an address on this machine that nobody listens on, for a program that is about to be started.
func FreeAddress(ctx context.Context) (string, error) {
	var c net.ListenConfig
	var errs []error
	for range 100 {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(firstPort+rand.IntN(portCount)))
		l, err := c.Listen(ctx, "tcp", address)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		return address, l.Close()
	}
	return "", fmt.Errorf("find a free port: %w", errors.Join(errs...))
}
