package pages

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"time"
)

// Invite is the page of an invite's code.
type Invite struct {
	// Service is where one joins.
	Service string
	// Code is the code; empty if nobody can join with it.
	Code string
	// Handle and Name are whoever invites; empty if the service itself does.
	Handle, Name string
	// Until is when the code ends.
	Until time.Time
}

// The style stands in the page, and the policy lets in this very one.
const inviteStyle = `body{font:1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem}
code{font-size:1.25rem;letter-spacing:.05em;word-break:break-all}`

var (
	invitePage = template.Must(template.ParseFS(files, "invite/page.html"))
	// invitePolicy lets nothing in and nothing out.
	invitePolicy = func() string {
		sum := sha256.Sum256([]byte(inviteStyle))
		return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
			"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	}()
)

// Guard sets what every answer needs whose address has a secret in it: nobody keeps it, and no other site is told of it.
func Guard(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Robots-Tag", "noindex")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Content-Security-Policy", invitePolicy)
}

// Serve writes the page: 404 if nobody can join with the code.
func (p Invite) Serve(w http.ResponseWriter) {
	var page bytes.Buffer
	err := invitePage.Execute(&page, struct {
		Invite

		Style template.CSS
	}{p, template.CSS(inviteStyle)}) //nolint:gosec // a constant of the program
	if err != nil {
		panic(fmt.Errorf("render the invite: %w", err)) // the template is part of the binary
	}
	Guard(w.Header())
	w.Header().Set("Content-Type", contentTypes[".html"])
	if p.Code == "" {
		w.WriteHeader(http.StatusNotFound)
	}
	_, _ = w.Write(page.Bytes()) // the client has gone
}
