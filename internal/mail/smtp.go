package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	netmail "net/mail"
	"net/url"
	"regexp"
	"strconv"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// sendTime is how long a server has to take one mail.
const sendTime = 30 * time.Second

// SMTP sends mails through a server.
type SMTP struct {
	host    string
	options []gomail.Option
	from    *netmail.Address
	tls     *tls.Config
	isTLS   bool // from the first byte on, as smtps:// has it
}

// NewSMTP reads an address like smtp://user:password@host:587 or smtps://host, and who the mails are from.
// The connection is encrypted where the server can do that, and always when there is a password.
func NewSMTP(address, from string) (*SMTP, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return nil, errors.New("SMTP_URL has to look like smtp://user:password@host:587") // err may show the password
	}
	s := &SMTP{host: u.Hostname(), isTLS: u.Scheme == "smtps"}
	s.tls = &tls.Config{ServerName: s.host, MinVersion: tls.VersionTLS12}
	if s.from, err = netmail.ParseAddress(from); err != nil {
		return nil, fmt.Errorf("read the address that mails are from: %w", err)
	}
	port, policy := 587, gomail.TLSOpportunistic
	if s.isTLS {
		port = 465
	}
	if u.Port() != "" {
		if port, err = strconv.Atoi(u.Port()); err != nil {
			return nil, fmt.Errorf("read the port of SMTP_URL: %w", err)
		}
	}
	if u.User != nil {
		password, _ := u.User.Password()
		if !s.isTLS { // else it is encrypted by then, and nobody offers that twice
			policy = gomail.TLSMandatory
		}
		s.options = append(s.options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover),
			gomail.WithUsername(u.User.Username()), gomail.WithPassword(password))
	}
	s.options = append(s.options, gomail.WithTimeout(sendTime), gomail.WithTLSPolicy(policy), gomail.WithTLSConfig(s.tls),
		gomail.WithPort(port), gomail.WithDialContextFunc(s.dial),
		// This machine's name is nobody's business.
		gomail.WithHELO(domain(s.from.Address)))
	if _, err := gomail.NewClient(s.host, s.options...); err != nil {
		return nil, fmt.Errorf("use SMTP_URL: %w", err)
	}
	return s, nil
}

// Send implements Sender.
func (s *SMTP) Send(ctx context.Context, m Message) error {
	if err := CheckAddress(m.To.Address); err != nil {
		return fmt.Errorf("%w: its recipient has no address that one can write to", ErrRefused)
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(s.from)
	msg.ToMailAddress(&netmail.Address{Name: line(m.To.Name), Address: m.To.Address})
	msg.Subject(line(m.Subject))
	msg.SetMessageIDWithValue(line(m.ID))
	msg.SetDateWithValue(m.Written)
	// So that nobody's absence is told to a machine (RFC 3834).
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	client, err := gomail.NewClient(s.host, s.options...)
	if err != nil {
		return fmt.Errorf("set the connection to the mail server up: %w", err)
	}
	err = client.DialAndSendWithContext(ctx, msg)
	// Once the server has said 250 it is sent, whatever happens to the connection after that.
	if err == nil || msg.IsDelivered() {
		return nil
	}
	// Servers and go-mail repeat the address; errors are stored and logged.
	address := regexp.MustCompile("(?i)" + regexp.QuoteMeta(m.To.Address))
	text := address.ReplaceAllLiteralString(err.Error(), "(the recipient)")
	if isFinal(err) {
		return fmt.Errorf("%w: %s", ErrRefused, text)
	}
	return fmt.Errorf("send the mail: %s", text)
}

// isFinal tells whether the server said 5xx about this mail or its recipient. Said about the connection, the
// password or the sender, it is a setting's mistake, and the mail can wait until that is mended.
func isFinal(err error) bool {
	var e *gomail.SendError
	if !errors.As(err, &e) || e.ErrorCode() < 500 {
		return false
	}
	switch e.Reason {
	case gomail.ErrSMTPRcptTo, gomail.ErrSMTPData, gomail.ErrSMTPDataClose, gomail.ErrWriteContent:
		return true
	default:
		return false
	}
}
