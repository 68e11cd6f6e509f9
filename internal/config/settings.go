package config

import "time"

// The comments on the fields are what `convene config --verbose` and docs/settings.md say of a setting:
// write them for whoever runs Convene.
//
//go:generate sh -c "go run ../../cmd/convene config --markdown > settings.md.new && mv settings.md.new ../../docs/settings.md"

// Config is the settings of a node.
type Config struct {
	// Addr is where to listen, as host:port; an address that others can reach needs production.
	Addr string `env:"ADDR" envDefault:"127.0.0.1:8080"`
	// DatabaseURL is PostgreSQL, 14 or later; empty for a private one of Convene's own.
	DatabaseURL string `env:"DATABASE_URL"`
	// RedisURL is Redis or Valkey, like redis://user:password@host:6379, or rediss:// for TLS; a cluster, of version 7 or
	// later, like redis+cluster://host:6379 or redis://host:6379?addr=other:6379; empty for a private one of Convene's own.
	RedisURL string `env:"REDIS_URL"`
	// Env is dev or production; production has no development pages, no demo people, no introspection and
	// no private services, and needs DATABASE_URL, REDIS_URL, CONVENE_URL and CONVENE_KEYS.
	Env string `env:"CONVENE_ENV" envDefault:"dev"`
	// Data is the folder of the private services.
	Data string `env:"CONVENE_DATA" envDefault:"./.data"`
	// PGBin is the folder of PostgreSQL's programs for the private one; empty to look for them.
	PGBin string `env:"CONVENE_PG_BIN"`
	// RedisBin is the redis-server or valkey-server to run privately; mini for the one that is built in;
	// empty to look.
	RedisBin string `env:"CONVENE_REDIS_BIN"`
	// Seed is on or off: whether the fictional demo people move in, in dev.
	Seed string `env:"CONVENE_SEED" envDefault:"on"`
	// URL is the public address, without a path; tokens name it as their issuer and links begin with it, so
	// set it alike on all nodes; http:// and ADDR if empty, in dev.
	URL string `env:"CONVENE_URL"`
	// Issuer is who tokens say issued them: the public address, or on a laptop, whose nodes have an address
	// each and take each other's tokens, just "convene".
	Issuer string
	// Keys are the secrets that everything is signed with, newest first, separated by commas; all verify and
	// the first signs; `convene keys` prints one; in dev the database keeps one if empty.
	Keys string `env:"CONVENE_KEYS" secret:"yes"`
	// Origins are the web origins, separated by commas, whose pages may use the API besides the public address.
	Origins []string `env:"CONVENE_ORIGINS"`
	// DatabaseConns is how many connections to PostgreSQL a node opens at most; 4 or more.
	DatabaseConns int `env:"CONVENE_DATABASE_CONNS" envDefault:"32"`
	// DrainDelay is how long a node that is told to stop says on /readyz that it is not ready, and serves on,
	// before it closes anything: longer than your load balancer takes to notice; at most 5m.
	DrainDelay time.Duration `env:"CONVENE_DRAIN_DELAY" envDefault:"0s"`
	// Sweep is how often a node asks PostgreSQL whether updates got lost on their way: so late they come at most while
	// Redis is away; between 500ms and 1m.
	Sweep time.Duration `env:"CONVENE_SWEEP" envDefault:"4s"`
	// TopicPrefix is what stands before the names of topics in the keys of Redis.
	TopicPrefix string `env:"CONVENE_TOPIC_PREFIX" envDefault:"convene:topic:"`
	// TopicLength is about how many entries a topic keeps; older ones are trimmed; 100 or more.
	TopicLength int64 `env:"CONVENE_TOPIC_LENGTH" envDefault:"100000"`
	// SMTPURL is the mail server, like smtp://user:password@host:587 or smtps://host; without it mails go to
	// the mailbox of the dev pages, /dev/mail; production needs it, or CONVENE_MAIL=off.
	SMTPURL string `env:"SMTP_URL"`
	// Mail is on or off: whether mails are sent.
	Mail string `env:"CONVENE_MAIL" envDefault:"on"`
	// MailFrom is whom mails are from, like Convene <convene@example.org>; convene@ and the host of
	// CONVENE_URL if empty.
	MailFrom string `env:"CONVENE_MAIL_FROM"`
	// Links is where the links in mails go, with {kind} (verify, reset or undo) and {token} in it, like
	// https://app.example.org/{kind}?token={token}; this server's own pages, which need no client, if empty.
	Links string `env:"CONVENE_LINKS"`
	// LeakedList is a file with passwords that nobody may choose, one a line, such as leaked ones, besides the list
	// that comes with Convene; a node reads it when it starts.
	LeakedList string `env:"CONVENE_LEAKED_LIST"`
	// LeakedRange is the address of a range API that is asked whether a new password has leaked, like
	// https://api.pwnedpasswords.com/range; it is told five of the forty digits of a hash; empty asks nobody.
	LeakedRange string `env:"CONVENE_LEAKED_RANGE"`
	// Log is text or json; json in production if empty.
	Log string `env:"CONVENE_LOG"`
	// LogLevel is debug, info, warn or error; below it no line is written, and at debug every request has one.
	LogLevel string `env:"CONVENE_LOG_LEVEL" envDefault:"info"`
	// MetricsAddr is where to serve /metrics, with /healthz and /readyz, for operators alone; if empty, the
	// numbers are at ADDR in dev, and nowhere in production.
	MetricsAddr string `env:"CONVENE_METRICS_ADDR"`
	Invites
	// Reauthenticate is for how long proving one's password counts as recent, as changing it and the like ask for;
	// between 1m and 24h, or 0 for the default.
	Reauthenticate time.Duration `env:"CONVENE_REAUTHENTICATE" envDefault:"10m"`
	// EraseAfter is for how long whoever asked to be erased can come back; between 1h and 2160h (90 days), or 0 for the
	// default. Keep backups for no longer than this, or a restored one may have people in it whom it does not know to erase.
	EraseAfter time.Duration `env:"CONVENE_ERASE_AFTER" envDefault:"336h"`
	Limits
	Traces
	Asking
}

// Traces are those of OpenTelemetry's standard settings that say whether traces are sent. The others, such as
// OTEL_TRACES_SAMPLER, OTEL_SERVICE_NAME and OTEL_EXPORTER_OTLP_HEADERS, are read by its library.
type Traces struct {
	// Endpoint is the collector of everything; traces go to its /v1/traces.
	Endpoint string `env:"OTEL_EXPORTER_OTLP_ENDPOINT"`
	// TracesEndpoint is where traces go if that is another place, in full.
	TracesEndpoint string `env:"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"`
	// Protocol is http/protobuf, the one that is spoken here.
	Protocol string `env:"OTEL_EXPORTER_OTLP_PROTOCOL"`
	// Exporter is otlp or none; otlp if an endpoint is set.
	Exporter string `env:"OTEL_TRACES_EXPORTER"`
	// Disabled is whether all of it is turned off.
	Disabled bool `env:"OTEL_SDK_DISABLED"`
}

// IsProduction tells whether this is for real.
func (c Config) IsProduction() bool { return c.Env == Production }

// HasDemo tells whether the demo people move in.
func (c Config) HasDemo() bool { return !c.IsProduction() && c.Seed == "on" }
