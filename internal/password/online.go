package password

import (
	"bufio"
	"context"
	"crypto/sha1" //nolint:gosec // what the range API goes by; it protects nothing here
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	// patience is how long the range API may take. Nobody waits longer to get an account.
	patience = time.Second
	// longAnswer is more than any answer has: some thousand lines of 40 bytes.
	longAnswer = 1 << 20
)

// hasLeaked asks the range API. If it does not answer, the password counts as one that has not leaked.
func (j *Judge) hasLeaked(ctx context.Context, password string) bool {
	leaked, err := j.ask(ctx, password)
	if err != nil {
		j.o.Log.WarnContext(ctx, "Whether a password has leaked could not be asked; it was let through", "error", err)
	}
	return leaked
}

func (j *Judge) ask(ctx context.Context, password string) (bool, error) {
	sum := sha1.Sum([]byte(password)) //nolint:gosec // as above
	hash := strings.ToUpper(hex.EncodeToString(sum[:]))
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(j.o.Online, "/")+"/"+hash[:5], nil)
	if err != nil {
		return false, fmt.Errorf("make the request: %w", err)
	}
	// Answers of one length: so it is not told by that either which one it was.
	r.Header.Set("Add-Padding", "true")
	answer, err := j.o.Client.Do(r)
	if err != nil {
		return false, fmt.Errorf("ask the range API: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return false, fmt.Errorf("the range API answered %d", answer.StatusCode)
	}
	lines := bufio.NewScanner(io.LimitReader(answer.Body, longAnswer))
	for lines.Scan() {
		rest, count, _ := strings.Cut(strings.TrimSpace(lines.Text()), ":")
		if strings.EqualFold(rest, hash[5:]) {
			return count != "0", nil // padding is counted 0
		}
	}
	if err := lines.Err(); err != nil {
		return false, fmt.Errorf("read the range API's answer: %w", err)
	}
	return false, nil
}
