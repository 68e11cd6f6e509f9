package pages

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"
)

// Mails is a page with a list of mails and the chosen one.
type Mails struct {
	Title, Hint string
	Entries     []MailEntry
	Chosen      *Mail
	// IsGallery shows every entry with its frame, and not as a list.
	IsGallery bool
}

// MailEntry is a mail in the list.
type MailEntry struct {
	Link, Subject, To string
	// Frame is where its HTML is, for a gallery.
	Frame  string
	At     time.Time
	Chosen bool
}

// Mail is the chosen mail. Its HTML is at Frame.
type Mail struct{ Subject, To, MessageID, Text, Frame string }

var mailPage = template.Must(template.ParseFS(files, "mail/page.html"))

// Serve writes the page. What a mail says is text on it; its HTML is shown in a frame of its own.
func (p Mails) Serve(w http.ResponseWriter, r *http.Request) {
	var page bytes.Buffer
	if err := mailPage.Execute(&page, p); err != nil {
		panic(fmt.Errorf("render the mails: %w", err)) // the template is part of the binary
	}
	policy{styles: "'self'", extra: "; frame-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'"}.set(w.Header(), r.Host)
	w.Header().Set("Content-Type", contentTypes[".html"])
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(page.Bytes()) // the client has gone
}

// MailStyle serves the style of the page.
func MailStyle() http.Handler {
	return site{policy: policy{styles: "'self'"}, assets: load("/dev/mail", nil, "mail")}
}

// MailFrame writes a mail's own HTML, as far away from everything else as a browser can put it: it runs no
// scripts, belongs to no origin, loads nothing, and stands only in a frame of this server. Its links open
// beside it.
func MailFrame(w http.ResponseWriter, html string) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"+
		"; base-uri 'none'; form-action 'none'; sandbox allow-popups allow-popups-to-escape-sandbox")
	h.Set("Content-Type", contentTypes[".html"])
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "SAMEORIGIN")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	html = strings.Replace(html, "<head>", `<head><base target="_blank">`, 1)
	_, _ = w.Write([]byte(html)) // the client has gone
}
