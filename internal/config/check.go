package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
)

// mostDrainDelay keeps a misread unit from holding a stop up for hours.
const mostDrainDelay = 5 * time.Minute

// A round of the sweep that is shorter costs more than it finds; one that is longer is as if there were none.
const leastSweep, mostSweep = 500 * time.Millisecond, time.Minute

// check refuses values that make no sense, one at a time and always the same one first. It asks the
// environment where it matters that somebody said so.
func (c Config) check(getenv func(string) string) error {
	for _, check := range []func() error{c.checkWords, c.checkAddresses, c.checkNumbers, c.checkLimits, c.checkInvites, c.checkMail, c.checkMetricsAddr, c.checkTraces, c.checkAsking, c.checkExposure, c.checkPublicURL} {
		if err := check(); err != nil {
			return err
		}
	}
	if c.IsProduction() && getenv("CONVENE_SEED") == "on" {
		return errors.New("CONVENE_SEED is on and CONVENE_ENV is production, where the fictional demo people have no place: take one of them back")
	}
	return nil
}

func (c Config) checkWords() error {
	for _, s := range []struct {
		name, value string
		allowed     []string
	}{
		{"CONVENE_ENV", c.Env, []string{Dev, Production}},
		{"CONVENE_SEED", c.Seed, []string{"on", "off"}},
		{"CONVENE_MAIL", c.Mail, []string{"on", "off"}},
		{"CONVENE_INVITE_ONLY", c.InviteOnly, []string{"on", "off"}},
		{"CONVENE_OPERATIONS_ONLY", c.OperationsOnly, []string{"on", "off"}},
		{"CONVENE_LOG", c.Log, []string{"", "text", "json"}},
		{"CONVENE_LOG_LEVEL", c.LogLevel, []string{"debug", "info", "warn", "error"}},
		{"OTEL_TRACES_EXPORTER", c.Exporter, []string{"", "otlp", "none"}},
	} {
		if !slices.Contains(s.allowed, s.value) {
			words := slices.DeleteFunc(s.allowed, func(w string) bool { return w == "" })
			return fmt.Errorf("%s is %q and has to be %s", s.name, s.value, strings.Join(words, " or "))
		}
	}
	return nil
}

func (c Config) checkNumbers() error {
	if c.DatabaseConns < 4 {
		return fmt.Errorf("CONVENE_DATABASE_CONNS is %d and has to be at least 4", c.DatabaseConns)
	}
	if c.TopicLength < 100 {
		return fmt.Errorf("CONVENE_TOPIC_LENGTH is %d and has to be at least 100", c.TopicLength)
	}
	if c.DrainDelay < 0 || c.DrainDelay > mostDrainDelay {
		return fmt.Errorf("CONVENE_DRAIN_DELAY is %v and has to be between 0s and 5m", c.DrainDelay)
	}
	if c.Sweep < leastSweep || c.Sweep > mostSweep {
		return fmt.Errorf("CONVENE_SWEEP is %v and has to be between 500ms and 1m", c.Sweep)
	}
	if c.Reauthenticate != 0 && (c.Reauthenticate < time.Minute || c.Reauthenticate > 24*time.Hour) {
		return fmt.Errorf("CONVENE_REAUTHENTICATE is %v and has to be between 1m and 24h", c.Reauthenticate)
	}
	if c.EraseAfter != 0 && (c.EraseAfter < time.Hour || c.EraseAfter > 90*24*time.Hour) {
		return fmt.Errorf("CONVENE_ERASE_AFTER is %v and has to be between 1h and 2160h", c.EraseAfter)
	}
	return nil
}

func (c Config) checkAddresses() error {
	if c.LeakedRange != "" {
		if err := scheme(c.LeakedRange, "https", "http"); err != nil {
			return fmt.Errorf("CONVENE_LEAKED_RANGE %w, like https://api.pwnedpasswords.com/range", err)
		}
	}
	if !isListenable(c.Addr) {
		return fmt.Errorf("ADDR is %q and has to be host:port, like 127.0.0.1:8080", c.Addr)
	}
	if c.URL != "" && !isOrigin(c.URL) {
		return errors.New("CONVENE_URL has to be an address like https://example.org, without a path")
	}
	for _, origin := range c.Origins {
		if !isOrigin(origin) {
			return fmt.Errorf("CONVENE_ORIGINS has %q and takes origins like https://app.example.org: no path, no wildcard", hidePassword(origin))
		}
	}
	if c.DatabaseURL != "" {
		if err := scheme(c.DatabaseURL, "postgres", "postgresql"); err != nil {
			return fmt.Errorf("DATABASE_URL %w, like postgres://user:password@host:5432/database", err)
		}
	}
	if c.RedisURL != "" {
		if err := scheme(c.RedisURL, "redis", "rediss", "unix", "redis+cluster", "rediss+cluster"); err != nil {
			return fmt.Errorf("REDIS_URL %w, like redis://host:6379", err)
		}
	}
	return nil
}

// checkExposure refuses to show the world what is meant for one's own machine.
func (c Config) checkExposure() error {
	why := "CONVENE_ENV is production"
	if !c.IsProduction() {
		host, _, _ := net.SplitHostPort(c.Addr)
		if isLoopback(host) {
			return nil
		}
		why = fmt.Sprintf("ADDR is %s, which others can reach", c.Addr)
	}
	var missing []string
	for _, s := range [][2]string{
		{"CONVENE_KEYS", c.Keys}, {"CONVENE_URL", c.URL}, {"DATABASE_URL", c.DatabaseURL}, {"REDIS_URL", c.RedisURL},
	} {
		if s[1] == "" {
			missing = append(missing, s[0])
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%s, so %s must be set (`convene keys` prints a key)", why, strings.Join(missing, ", "))
	}
	if !c.IsProduction() {
		return fmt.Errorf("%s, so CONVENE_ENV must be production: the dev pages sign anybody in as anybody", why)
	}
	return nil
}

// checkPublicURL wants HTTPS of whoever is not on one's own machine: else passwords and tokens could be
// read on the way, and the session cookie would be set without the attributes that guard it.
func (c Config) checkPublicURL() error {
	u, err := url.Parse(c.URL)
	if err == nil && c.IsProduction() && u.Scheme != "https" && !isLoopback(u.Hostname()) {
		return fmt.Errorf("CONVENE_ENV is production and CONVENE_URL is %s: it has to begin with https://, also where a proxy ends TLS in front of Convene", c.URL)
	}
	return nil
}

// isListenable tells whether something is host:port. Without a port the system would choose one that nobody knows.
func isListenable(address string) bool {
	_, port, err := net.SplitHostPort(address)
	return err == nil && port != ""
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// isOrigin tells whether something is a web origin: a scheme, a host, perhaps a port, and nothing else.
func isOrigin(value string) bool {
	u, err := url.Parse(value)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") &&
		u.User == nil && u.Path == "" && u.RawQuery == "" && u.Fragment == "" && !strings.Contains(value, "*")
}

// scheme checks the beginning of a URL; it never repeats the URL, which may hold a password.
func scheme(value string, allowed ...string) error {
	u, err := url.Parse(value)
	if err != nil {
		return errors.New("is no URL")
	}
	if !slices.Contains(allowed, u.Scheme) {
		return fmt.Errorf("begins with %q and has to begin with %s://", u.Scheme, strings.Join(allowed, ":// or "))
	}
	return nil
}
