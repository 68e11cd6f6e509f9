package config_test

import (
	"strings"
	"testing"

	"github.com/convenehq/convene/internal/config"
)

// key is as long as a real one and signs nothing.
const key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

func TestLoad(t *testing.T) {
	whole := map[string]string{"DATABASE_URL": "postgres://db/convene", "REDIS_URL": "redis://cache", "CONVENE_KEYS": key, "CONVENE_ENV": "production"}
	with := func(extra ...string) map[string]string {
		m := map[string]string{}
		for k, v := range whole {
			m[k] = v
		}
		for i := 0; i < len(extra); i += 2 {
			m[extra[i]] = extra[i+1]
		}
		return m
	}
	for _, c := range []struct {
		name string
		env  map[string]string
		want string // a part of the error; empty for none
	}{
		{"nothing set is a laptop", nil, ""},
		{"production with all it needs", with(), ""},
		{"production on every interface", with("ADDR", "0.0.0.0:8080"), ""},
		{"production without keys", with("CONVENE_KEYS", ""), "CONVENE_KEYS must be set"},
		{"production without anything names all that is missing", map[string]string{"CONVENE_ENV": "production"}, "CONVENE_KEYS, DATABASE_URL, REDIS_URL must be set"},
		{"an open address with private services", map[string]string{"ADDR": "0.0.0.0:8080"}, "which others can reach"},
		{"an open address with the dev pages", with("ADDR", ":8080", "CONVENE_ENV", "dev"), "CONVENE_ENV must be production"},
		{"a misspelt setting", map[string]string{"CONVENE_SED": "off"}, "there is no setting CONVENE_SED"},
		{"a wrong environment", map[string]string{"CONVENE_ENV": "prod"}, `CONVENE_ENV is "prod"`},
		{"no port", map[string]string{"ADDR": "localhost"}, "host:port"},
		{"a number that is none", map[string]string{"CONVENE_DATABASE_CONNS": "many"}, "can not be read"},
		{"too few connections", map[string]string{"CONVENE_DATABASE_CONNS": "1"}, "at least 4"},
		{"MySQL", map[string]string{"DATABASE_URL": "mysql://u:secret@h/d"}, "DATABASE_URL begins with \"mysql\""},
		{"Redis without a scheme", map[string]string{"REDIS_URL": "localhost:6379"}, "REDIS_URL begins with"},
		{"an origin of everybody", map[string]string{"CONVENE_ORIGINS": "https://*"}, "no wildcard"},
		{"an origin with a path", map[string]string{"CONVENE_ORIGINS": "https://a.example/"}, "no path"},
		{"an origin that is none", map[string]string{"CONVENE_ORIGINS": "example.org"}, "CONVENE_ORIGINS has"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			_, err := config.Load()
			switch {
			case c.want == "" && err != nil:
				t.Fatalf("refused: %v", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Fatalf("got %v, want a sentence with %q", err, c.want)
			case err != nil && strings.Contains(err.Error(), "secret"):
				t.Fatalf("the sentence shows a password: %v", err)
			}
		})
	}
}

func TestPrintHidesSecrets(t *testing.T) {
	t.Setenv("DATABASE_URL", "postgres://u:secret@db/convene?password=secret2")
	t.Setenv("CONVENE_KEYS", key)
	c, err := config.Load()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := c.Print(&out); err != nil {
		t.Fatal(err)
	}
	if s := out.String(); strings.Contains(s, "secret") || strings.Contains(s, key) || !strings.Contains(s, "CONVENE_DATA") {
		t.Fatalf("printed:\n%s", s)
	}
}
