package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/argon2"
)

// The parameters of new hashes, OWASP's choice for argon2id with 19 MiB. They are written into each hash,
// so that they can be raised without touching the old ones.
const (
	hashTime    = 2
	hashMemory  = 19 * 1024 // KiB
	hashThreads = 1
	saltLength  = 16
	hashLength  = 32
)

// passwords hashes passwords, a few at a time: each hash takes 19 MiB and a processor for a while, and a crowd that
// signs in at once must take neither the memory nor the last processor of everything else.
type passwords struct {
	slots chan struct{}
	count atomic.Int64
	// dummy is checked in place of the hash of an account that does not exist. It costs what any costs and
	// no password fits it.
	dummy string
}

func newPasswords() *passwords {
	noise := make([]byte, saltLength+hashLength)
	_, _ = rand.Read(noise) // never fails, see crypto/rand
	return &passwords{
		slots: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1)),
		dummy: formatHash(noise[:saltLength], noise[saltLength:]),
	}
}

// hash makes the hash to store, as a PHC string.
func (p *passwords) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltLength)
	_, _ = rand.Read(salt) // never fails, see crypto/rand
	sum, err := p.compute(ctx, password, phc{hashMemory, hashTime, hashThreads, salt, make([]byte, hashLength)})
	if err != nil {
		return "", err
	}
	return formatHash(salt, sum), nil
}

// check tells whether the password fits the stored hash.
func (p *passwords) check(ctx context.Context, stored, password string) (bool, error) {
	want, err := parseHash(stored)
	if err != nil {
		return false, err
	}
	sum, err := p.compute(ctx, password, want)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(sum, want.sum) == 1, nil
}

func (p *passwords) compute(ctx context.Context, password string, h phc) ([]byte, error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait to hash a password: %w", ctx.Err())
	}
	defer func() { <-p.slots }()
	p.count.Add(1)
	return argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.threads, uint32(len(h.sum))), nil
}

// PasswordHashes is how many passwords were hashed since the start: by far the dearest thing that somebody
// who is not signed in can ask for.
func (s *Service) PasswordHashes() int64 { return s.passwords.count.Load() }

// phc is a stored hash, taken apart.
type phc struct {
	memory, time uint32
	threads      uint8
	salt, sum    []byte
}

// formatHash writes the PHC string format, see
// https://github.com/P-H-C/phc-string-format/blob/master/phc-sf-spec.md.
func formatHash(salt, sum []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, hashMemory, hashTime, hashThreads, b64.EncodeToString(salt), b64.EncodeToString(sum))
}

// errHash never has the hash in it: it ends up in the log.
var errHash = errors.New("read a stored password hash: it is not argon2id in the PHC format")

func parseHash(s string) (phc, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return phc{}, errHash
	}
	var h phc
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.time, &h.threads); err != nil {
		return phc{}, errHash
	}
	var err error
	if h.salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil {
		return phc{}, errHash
	}
	if h.sum, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil {
		return phc{}, errHash
	}
	// argon2 panics at zero, and a damaged row must not be able to take all memory.
	if h.time < 1 || h.time > 16 || h.memory > 256*1024 || h.threads < 1 || len(h.salt) < 8 || len(h.sum) < 16 || len(h.sum) > 64 {
		return phc{}, errHash
	}
	return h, nil
}
