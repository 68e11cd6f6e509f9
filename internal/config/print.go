package config

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"text/tabwriter"

	"github.com/caarlos0/env/v11"
)

// Print writes every setting with its value and where it comes from. Secrets are hidden.
func (c Config) Print(w io.Writer) error {
	params, err := env.GetFieldParams(&c)
	if err != nil {
		return fmt.Errorf("list the settings: %w", err)
	}
	values := map[string]string{
		"ADDR": c.Addr, "DATABASE_URL": hidePassword(c.DatabaseURL), "REDIS_URL": hidePassword(c.RedisURL),
		"CONVENE_ENV": c.Env, "CONVENE_DATA": c.Data, "CONVENE_PG_BIN": c.PGBin, "CONVENE_REDIS_BIN": c.RedisBin,
		"CONVENE_SEED": c.Seed, "CONVENE_URL": c.URL, "CONVENE_KEYS": hide(c.Keys),
		"CONVENE_ORIGINS": fmt.Sprint(c.Origins), "CONVENE_DATABASE_CONNS": fmt.Sprint(c.DatabaseConns), "CONVENE_LOG": c.Log,
	}
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, p := range params {
		value, ok := values[p.Key]
		if !ok {
			return fmt.Errorf("print the settings: %s is missing", p.Key)
		}
		source := "default"
		if _, set := os.LookupEnv(p.Key); set {
			source = "environment"
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\n", p.Key, value, source)
	}
	return table.Flush()
}

func hide(secret string) string {
	if secret == "" {
		return ""
	}
	return "(hidden)"
}

func hidePassword(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "(not a URL)"
	}
	if q := u.Query(); q.Has("password") {
		q.Set("password", "xxxxx")
		u.RawQuery = q.Encode()
	}
	return u.Redacted()
}
