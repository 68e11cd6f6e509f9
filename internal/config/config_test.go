package config_test

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/convenehq/convene/internal/config"
)

// key is as long as a real one and signs nothing.
const key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

func TestLoad(t *testing.T) {
	whole := map[string]string{"DATABASE_URL": "postgres://db/convene", "REDIS_URL": "redis://cache", "CONVENE_KEYS": key, "CONVENE_ENV": "production", "CONVENE_URL": "https://convene.example.org"}
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
		{"production without anything names all that is missing", map[string]string{"CONVENE_ENV": "production"}, "CONVENE_KEYS, CONVENE_URL, DATABASE_URL, REDIS_URL must be set"},
		{"an open address with private services", map[string]string{"ADDR": "0.0.0.0:8080"}, "which others can reach"},
		{"an open address with the dev pages", with("ADDR", ":8080", "CONVENE_ENV", "dev"), "CONVENE_ENV must be production"},
		{"production on plain HTTP", with("CONVENE_URL", "http://convene.example.org"), "has to begin with https://"},
		{"production on plain HTTP, on one's own machine", with("CONVENE_URL", "http://127.0.0.1:8080"), ""},
		{"production with demo people", with("CONVENE_SEED", "on"), "demo people have no place"},
		{"production without them, said twice", with("CONVENE_SEED", "off"), ""},
		{"a misspelt setting", map[string]string{"CONVENE_SED": "off"}, "there is no setting CONVENE_SED: did you mean CONVENE_SEED?"},
		{"a setting that never had the prefix", map[string]string{"CONVENE_DATABASE_URL": "x"}, "did you mean DATABASE_URL?"},
		{"a setting that resembles none", map[string]string{"CONVENE_TELEPATHY": "on"}, "there is no setting CONVENE_TELEPATHY: `convene config` lists all"},
		{"an empty value counts as missing", map[string]string{"CONVENE_DATABASE_CONNS": "", "CONVENE_ENV": ""}, ""},
		{"a wrong environment", map[string]string{"CONVENE_ENV": "prod"}, `CONVENE_ENV is "prod"`},
		{"no port", map[string]string{"ADDR": "localhost"}, "host:port"},
		{"a collector without a scheme", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}, "http://collector:4318"},
		{"a collector that is no address", map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "::bad::"}, "TRACES_ENDPOINT has to be"},
		{"an empty port", map[string]string{"ADDR": "127.0.0.1:"}, "host:port"},
		{"a number that is none", map[string]string{"CONVENE_DATABASE_CONNS": "many"}, `CONVENE_DATABASE_CONNS is "many" and has to be a whole number`},
		{"a time without a unit", map[string]string{"CONVENE_DRAIN_DELAY": "5"}, `CONVENE_DRAIN_DELAY is "5" and has to be a time like 500ms, 10s or 1m30s`},
		{"a sweep that never comes", map[string]string{"CONVENE_SWEEP": "1h"}, "between 500ms and 1m"},
		{"a sweep without a pause", map[string]string{"CONVENE_SWEEP": "1ms"}, "between 500ms and 1m"},
		{"a pause of an hour", map[string]string{"CONVENE_DRAIN_DELAY": "1h"}, "between 0s and 5m"},
		{"too few connections", map[string]string{"CONVENE_DATABASE_CONNS": "1"}, "at least 4"},
		{"invites only, and an app", map[string]string{"CONVENE_INVITE_ONLY": "on", "CONVENE_APP_URL": "https://app.example.org/join?code={code}"}, ""},
		{"an app on a phone", map[string]string{"CONVENE_APP_URL": "myapp://join/{code}"}, ""},
		{"invites only, in another word", map[string]string{"CONVENE_INVITE_ONLY": "yes"}, `CONVENE_INVITE_ONLY is "yes" and has to be on or off`},
		{"no invites at all", map[string]string{"CONVENE_INVITES_PER_ACCOUNT": "0"}, "CONVENE_INVITES_PER_ACCOUNT is 0"},
		{"an app that gets no code", map[string]string{"CONVENE_APP_URL": "https://app.example.org/join"}, "CONVENE_APP_URL has to be"},
		{"an app whose host is the code", map[string]string{"CONVENE_APP_URL": "https://{code}.example.org/"}, "CONVENE_APP_URL has to be"},
		{"an app that is a script", map[string]string{"CONVENE_APP_URL": "javascript:alert('{code}')"}, "CONVENE_APP_URL has to be"},
		{"an app without a scheme", map[string]string{"CONVENE_APP_URL": "//app.example.org/{code}"}, "CONVENE_APP_URL has to be"},
		{"topics that keep nothing", map[string]string{"CONVENE_TOPIC_LENGTH": "0"}, "CONVENE_TOPIC_LENGTH is 0"},
		{"topics under another prefix", map[string]string{"CONVENE_TOPIC_PREFIX": "", "CONVENE_TOPIC_LENGTH": "5000"}, ""},
		{"MySQL", map[string]string{"DATABASE_URL": "mysql://u:secret@h/d"}, "DATABASE_URL begins with \"mysql\""},
		{"Redis without a scheme", map[string]string{"REDIS_URL": "localhost:6379"}, "REDIS_URL begins with"},
		{"an unknown level of the log", map[string]string{"CONVENE_LOG_LEVEL": "loud"}, `CONVENE_LOG_LEVEL is "loud"`},
		{"an address for operators", with("CONVENE_METRICS_ADDR", "127.0.0.1:9090"), ""},
		{"an address for operators that everybody reaches", with("ADDR", "0.0.0.0:8080", "CONVENE_METRICS_ADDR", "0.0.0.0:8080"), "CONVENE_METRICS_ADDR is ADDR too"},
		{"an address for operators without a port", map[string]string{"CONVENE_METRICS_ADDR": "localhost"}, "host:port"},
		{"an address for operators with an empty port", map[string]string{"CONVENE_METRICS_ADDR": "127.0.0.1:"}, "host:port"},
		{"traces by another protocol", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "has to be http/protobuf"},
		{"traces to another kind of place", map[string]string{"OTEL_TRACES_EXPORTER": "zipkin"}, "otlp or none"},
		{"a mail server", with("SMTP_URL", "smtp://u:secret@mx.example.org:587"), ""},
		{"a mail server of the web", map[string]string{"SMTP_URL": "https://u:secret@mx.example.org"}, `SMTP_URL begins with "https"`},
		{"a mail server without a host", map[string]string{"SMTP_URL": "smtp://:secret@"}, "SMTP_URL names no host"},
		{"a mail server and no mails", map[string]string{"SMTP_URL": "smtp://mx.example.org", "CONVENE_MAIL": "off"}, "leave one of them out"},
		{"mails that are maybe sent", map[string]string{"CONVENE_MAIL": "maybe"}, `CONVENE_MAIL is "maybe"`},
		{"mails from nobody", map[string]string{"CONVENE_MAIL_FROM": "Convene"}, "CONVENE_MAIL_FROM is"},
		{"links to an app", map[string]string{"CONVENE_LINKS": "https://app.example.org/#/{kind}/{token}"}, ""},
		{"links to nowhere", map[string]string{"CONVENE_LINKS": "/{kind}?token={token}"}, "CONVENE_LINKS has to be an address like"},
		{"links without what they are for", map[string]string{"CONVENE_LINKS": "https://app.example.org/?token={token}"}, "{kind} and {token} in it, each once"},
		{"links with a word that is none", map[string]string{"CONVENE_LINKS": "https://app.example.org/{lang}/{kind}?token={token}"}, "neither {kind} nor {token}"},
		{"a wall of the default height", map[string]string{"CONVENE_WALL_FIELDS": "0"}, ""},
		{"a wall below the ground", map[string]string{"CONVENE_WALL_FIELDS": "-1"}, "CONVENE_WALL_FIELDS is -1 and has to be above 0"},
		{"nothing but registered operations, and none", map[string]string{"CONVENE_OPERATIONS_ONLY": "on"}, "CONVENE_OPERATIONS names no file"},
		{"registered operations that are maybe all", map[string]string{"CONVENE_OPERATIONS_ONLY": "maybe"}, `CONVENE_OPERATIONS_ONLY is "maybe"`},
		{"registered operations in a folder", map[string]string{"CONVENE_OPERATIONS": "."}, "has to be a file"},
		{"registered operations nowhere", map[string]string{"CONVENE_OPERATIONS": "none.json"}, "has to be a file"},
		{"nothing but those of a file", map[string]string{"CONVENE_OPERATIONS": "config.go", "CONVENE_OPERATIONS_ONLY": "on"}, ""},
		{"an origin of everybody", map[string]string{"CONVENE_ORIGINS": "https://*"}, "no wildcard"},
		{"an origin with a path", map[string]string{"CONVENE_ORIGINS": "https://a.example/"}, "no path"},
		{"a public address with a path", map[string]string{"CONVENE_URL": "https://a.example/convene"}, "without a path"},
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
			case err != nil && strings.ContainsAny(err.Error(), "\n;"):
				t.Fatalf("more than one sentence: %v", err)
			case err != nil && strings.Contains(err.Error(), "secret"):
				t.Fatalf("the sentence shows a password: %v", err)
			}
		})
	}
}

func TestPrint(t *testing.T) {
	t.Setenv("DATABASE_URL", "postgres://u:hunter1@db/convene?password=hunter2")
	t.Setenv("REDIS_URL", "host=cache password=hunter3")
	t.Setenv("CONVENE_KEYS", key)
	c, _ := config.Load() // a wrong setting is what one prints them for
	for _, withAbout := range []bool{false, true} {
		var out strings.Builder
		if err := c.Print(&out, withAbout); err != nil {
			t.Fatal(err)
		}
		s := out.String()
		if strings.Contains(s, "hunter") || strings.Contains(s, key) {
			t.Errorf("a secret is printed:\n%s", s)
		}
		if !strings.Contains(s, "CONVENE_DATA ") || strings.Contains(s, "folder of the private services") != withAbout {
			t.Errorf("printed:\n%s", s)
		}
	}
}

func TestTracesAreOnByTheStandardSettings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		traces config.Traces
		want   bool
	}{
		"nothing set":                    {config.Traces{}, false},
		"an endpoint":                    {config.Traces{Endpoint: "http://collector:4318"}, true},
		"an endpoint for traces":         {config.Traces{TracesEndpoint: "http://collector:4318/v1/traces"}, true},
		"the exporter, at its usual end": {config.Traces{Exporter: "otlp"}, true},
		"an endpoint for other things":   {config.Traces{Endpoint: "http://collector:4318", Exporter: "none"}, false},
		"all of it turned off":           {config.Traces{Endpoint: "http://collector:4318", Disabled: true}, false},
	} {
		if got := c.traces.IsOn(); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	t.Run("each says what it is for", func(t *testing.T) {
		t.Parallel()
		for _, s := range config.Settings() {
			if len(s.About) < 10 {
				t.Errorf("%s says %q", s.Name, s.About)
			}
		}
	})
	t.Run("each whose name tells of a secret is hidden", func(t *testing.T) {
		t.Parallel()
		for _, field := range reflect.VisibleFields(reflect.TypeFor[config.Config]()) {
			name := field.Tag.Get("env")
			if regexp.MustCompile("KEY|SECRET|PASSWORD|TOKEN").MatchString(name) && name != "CONVENE_WALL_TOKENS" && field.Tag.Get("secret") == "" {
				t.Errorf("%s lacks the tag `secret`", name)
			}
		}
	})
	t.Run("docs/settings.md is in step", func(t *testing.T) {
		t.Parallel()
		var want strings.Builder
		if err := config.Markdown(&want); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile("../../docs/settings.md")
		if err != nil || string(got) != want.String() {
			t.Fatalf("run `go generate ./internal/config` (%v)", err)
		}
	})
}

func TestCheckServing(t *testing.T) {
	t.Parallel()
	whole := config.Config{Env: config.Production, Mail: "on", DatabaseURL: "postgres://db/convene", RedisURL: "redis://cache", SMTPURL: "smtp://mx"}
	for _, c := range []struct {
		name   string
		change func(*config.Config)
		want   string
	}{
		{"all it needs", func(*config.Config) {}, ""},
		{"no database", func(c *config.Config) { c.DatabaseURL = "" }, "DATABASE_URL"},
		{"no mail server", func(c *config.Config) { c.SMTPURL = "" }, "SMTP_URL must be set, or CONVENE_MAIL=off"},
		{"no mails", func(c *config.Config) { c.SMTPURL, c.Mail = "", "off" }, ""},
		{"no mail server in development", func(c *config.Config) { c.SMTPURL, c.Env = "", config.Dev }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			settings := whole
			c.change(&settings)
			if err := settings.CheckServing(); c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestMailFrom(t *testing.T) {
	for url, want := range map[string]string{
		"": "convene@localhost", "https://convene.example.org": "convene@convene.example.org",
		"https://convene.example.org:8443": "convene@convene.example.org", "http://[::1]:8080": "convene@localhost",
	} {
		t.Run(want+" of "+url, func(t *testing.T) {
			t.Setenv("CONVENE_URL", url)
			if c, err := config.Load(); err != nil || c.MailFrom != want {
				t.Errorf("from %q, %v", c.MailFrom, err)
			}
		})
	}
}
