// Package config is every setting there is: one struct, read from the environment alone, each field with
// a default that works on a laptop. What is contradictory or unknown is refused in one sentence.
package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"
)

// The environments there are.
const (
	Dev        = "dev"
	Production = "production"
)

// Config is the settings of a node.
type Config struct {
	// Addr is where to listen.
	Addr string `env:"ADDR" envDefault:"127.0.0.1:8080"`
	// DatabaseURL is PostgreSQL; empty for a private one of Convene's own.
	DatabaseURL string `env:"DATABASE_URL"`
	// RedisURL is Redis; empty for a private one of Convene's own.
	RedisURL string `env:"REDIS_URL"`
	// Env is dev or production. Production has no dev pages, demo data, or private services.
	Env string `env:"CONVENE_ENV" envDefault:"dev"`
	// Data is the folder of the private services.
	Data string `env:"CONVENE_DATA" envDefault:"./.data"`
	// PGBin is the folder of PostgreSQL's programs; empty to look for them.
	PGBin string `env:"CONVENE_PG_BIN"`
	// RedisBin is the redis-server or valkey-server to run; mini for the built-in one; empty to look.
	RedisBin string `env:"CONVENE_REDIS_BIN"`
	// Seed is on or off: whether the fictional demo people move in, in dev.
	Seed string `env:"CONVENE_SEED" envDefault:"on"`
	// URL is the public address, which issues tokens and stands in links; http://ADDR if empty.
	URL string `env:"CONVENE_URL"`
	// Issuer is who tokens say issued them: the public address, or on a laptop, whose nodes have an address
	// each and take each other's tokens, just "convene".
	Issuer string
	// Keys are the secrets that everything is signed with, newest first, separated by commas; each is
	// printed by `convene keys`. All verify, the first signs.
	Keys string `env:"CONVENE_KEYS"`
	// Origins are the web origins, other than the public address, whose pages may use the API.
	Origins []string `env:"CONVENE_ORIGINS"`
	// DatabaseConns is how many connections to PostgreSQL a node opens at most.
	DatabaseConns int `env:"CONVENE_DATABASE_CONNS" envDefault:"32"`
	// Log is text or json; json in production if empty.
	Log string `env:"CONVENE_LOG"`
}

// Load reads and checks the settings.
func Load() (Config, error) {
	c, err := env.ParseAs[Config]()
	if err != nil {
		return c, fmt.Errorf("a setting can not be read: %w", err)
	}
	if err := unknown(os.Environ()); err != nil {
		return c, err
	}
	c.Issuer = cmp.Or(c.URL, "convene")
	if c.URL == "" {
		c.URL = "http://" + c.Addr
	}
	if c.Log == "" {
		c.Log = map[bool]string{true: "json", false: "text"}[c.IsProduction()]
	}
	return c, c.check()
}

// IsProduction tells whether this is for real.
func (c Config) IsProduction() bool { return c.Env == Production }

// HasDemo tells whether the demo people move in.
func (c Config) HasDemo() bool { return !c.IsProduction() && c.Seed == "on" }

func (c Config) check() error {
	for name, err := range map[string]error{
		"CONVENE_ENV":  oneOf(c.Env, Dev, Production),
		"CONVENE_SEED": oneOf(c.Seed, "on", "off"),
		"CONVENE_LOG":  oneOf(c.Log, "text", "json"),
		"CONVENE_URL":  webAddress(c.URL),
	} {
		if err != nil {
			return fmt.Errorf("%s %w", name, err)
		}
	}
	for _, origin := range c.Origins {
		if u, err := url.Parse(origin); err != nil || webAddress(origin) != nil || strings.Contains(origin, "*") || u.Path != "" || u.RawQuery != "" {
			return fmt.Errorf("CONVENE_ORIGINS has %q and takes origins like https://app.example.org: no path, no wildcard", origin)
		}
	}
	if c.DatabaseConns < 4 {
		return fmt.Errorf("CONVENE_DATABASE_CONNS is %d and has to be at least 4", c.DatabaseConns)
	}
	if c.DatabaseURL != "" {
		if err := scheme(c.DatabaseURL, "postgres", "postgresql"); err != nil {
			return fmt.Errorf("DATABASE_URL %w, like postgres://user:password@host:5432/database", err)
		}
	}
	if c.RedisURL != "" {
		if err := scheme(c.RedisURL, "redis", "rediss", "unix"); err != nil {
			return fmt.Errorf("REDIS_URL %w, like redis://host:6379", err)
		}
	}
	return c.checkExposure()
}

// checkExposure refuses to show the world what is meant for one's own machine.
func (c Config) checkExposure() error {
	host, _, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return fmt.Errorf("ADDR is %q and has to be host:port, like 127.0.0.1:8080", c.Addr)
	}
	why := "CONVENE_ENV is production"
	if !c.IsProduction() {
		if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
			return nil
		}
		why = fmt.Sprintf("ADDR is %s, which others can reach", c.Addr)
	}
	var missing []string
	for name, value := range map[string]string{"DATABASE_URL": c.DatabaseURL, "REDIS_URL": c.RedisURL, "CONVENE_KEYS": c.Keys} {
		if value == "" {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return fmt.Errorf("%s, so %s must be set (`convene keys` prints a key)", why, strings.Join(missing, ", "))
	}
	if !c.IsProduction() {
		return fmt.Errorf("%s, so CONVENE_ENV must be production: the dev pages sign anybody in as anybody", why)
	}
	return nil
}

func oneOf(value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("is %q and has to be %s", value, strings.Join(allowed, " or "))
}

func webAddress(value string) error {
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("has to be an address like https://example.org")
	}
	return nil
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

// unknown refuses CONVENE_ settings that do not exist: a misspelt one would silently do nothing.
func unknown(environ []string) error {
	known := map[string]bool{}
	params, err := env.GetFieldParams(&Config{})
	if err != nil {
		return fmt.Errorf("list the settings: %w", err)
	}
	for _, p := range params {
		known[p.Key] = true
	}
	for _, pair := range environ {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "CONVENE_") && !strings.HasPrefix(name, "CONVENE_TEST_") && !known[name] {
			return fmt.Errorf("there is no setting %s: `convene config` lists all", name)
		}
	}
	return nil
}
