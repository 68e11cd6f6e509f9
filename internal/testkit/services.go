package testkit

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/convenehq/convene/internal/embedded"
)

// The settings that name services to test on.
const (
	DatabaseEnv = "CONVENE_TEST_DATABASE_URL"
	RedisEnv    = "CONVENE_TEST_REDIS_URL"
)

var services = sync.OnceValues(func() (*embedded.Services, error) {
	given := embedded.Services{DatabaseURL: os.Getenv(DatabaseEnv), RedisURL: os.Getenv(RedisEnv)}
	if given.DatabaseURL != "" && given.RedisURL != "" {
		return &given, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	own, err := embedded.Start(ctx, embedded.Options{
		NeedPG: given.DatabaseURL == "", NeedRedis: given.RedisURL == "", Throwaway: true,
	})
	if err != nil {
		return nil, err
	}
	started = own
	if given.DatabaseURL != "" {
		own.DatabaseURL = given.DatabaseURL
	}
	if given.RedisURL != "" {
		own.RedisURL = given.RedisURL
	}
	return own, nil
})

// started is what this process has to stop at its end.
var started *embedded.Services

// Main runs a package's tests and stops what they started.
func Main(m *testing.M) {
	code := m.Run()
	if started != nil {
		if err := started.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "stop the test services:", err)
		}
	}
	os.Exit(code)
}

// RedisURL is where tests find a real Redis. Channels are shared with other tests: use ids of your own.
func RedisURL(t testing.TB) string {
	t.Helper()
	s, err := services()
	if err != nil {
		t.Fatalf("start Redis: %v", err)
	}
	return s.RedisURL
}
