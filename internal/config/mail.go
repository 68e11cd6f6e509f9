package config

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"strings"
)

// SendsMail tells whether mails are sent, be it into the mailbox of the dev pages.
func (c Config) SendsMail() bool { return c.Mail == "on" }

// ErrNoMailServer is a production that says neither how mails are sent nor that none are.
var ErrNoMailServer = errors.New("CONVENE_ENV is production, so SMTP_URL must be set, or CONVENE_MAIL=off if this Convene sends no mails")

// CheckServing refuses what is good enough for a look at the database, and not for serving people.
func (c Config) CheckServing() error {
	if c.DatabaseURL == "" || c.RedisURL == "" {
		return errors.New("convene serve needs DATABASE_URL and REDIS_URL; without an argument convene brings its own for development")
	}
	if c.IsProduction() && c.SendsMail() && c.SMTPURL == "" {
		return ErrNoMailServer
	}
	return nil
}

func (c Config) checkMail() error {
	if c.SMTPURL != "" {
		if err := scheme(c.SMTPURL, "smtp", "smtps"); err != nil {
			return fmt.Errorf("SMTP_URL %w, like smtp://user:password@host:587", err)
		}
		if u, _ := url.Parse(c.SMTPURL); u.Hostname() == "" {
			return errors.New("SMTP_URL names no host, and has to look like smtp://user:password@host:587")
		}
		if !c.SendsMail() {
			return errors.New("CONVENE_MAIL is off and SMTP_URL is set: leave one of them out")
		}
	}
	if err := c.checkLinks(); err != nil {
		return err
	}
	if c.MailFrom == "" {
		return nil
	}
	if _, err := mail.ParseAddress(c.MailFrom); err != nil {
		return fmt.Errorf("CONVENE_MAIL_FROM is %q and has to be an address like Convene <convene@example.org>", c.MailFrom)
	}
	return nil
}

// checkLinks wants an address that a mail can have, with a place for the token: behind a # it gets into no log.
func (c Config) checkLinks() error {
	if c.Links == "" {
		return nil
	}
	const like = "like https://app.example.org/{kind}?token={token}"
	u, err := url.Parse(strings.NewReplacer("{kind}", "verify", "{token}", "token").Replace(c.Links))
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "", u.User != nil:
		return fmt.Errorf("CONVENE_LINKS has to be an address %s", like)
	case strings.Count(c.Links, "{token}") != 1, strings.Count(c.Links, "{kind}") != 1:
		return fmt.Errorf("CONVENE_LINKS has to have {kind} and {token} in it, each once, %s", like)
	case strings.ContainsAny(strings.NewReplacer("{kind}", "", "{token}", "").Replace(c.Links), "{} \t\r\n"):
		return fmt.Errorf("CONVENE_LINKS has something in braces or a space that is neither {kind} nor {token}, and has to be %s", like)
	case c.IsProduction() && u.Scheme != "https" && !isLoopback(u.Hostname()):
		return fmt.Errorf("CONVENE_LINKS has to begin with https:// in production, %s", like)
	}
	return nil
}

// mailDomain is the host of the public address, as it can stand in a mail address.
func mailDomain(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || net.ParseIP(u.Hostname()) != nil {
		return "localhost"
	}
	return strings.TrimSuffix(u.Hostname(), ".")
}
