package pages

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
)

// Link is the page of a link in a mail. It needs no script, and nothing from elsewhere.
type Link struct {
	Title string
	// Lead are paragraphs, Problem is what was wrong with what was sent, Quiet stands at the end.
	Lead    []string
	Problem string
	Quiet   string
	Form    *LinkForm
}

// LinkForm is what a page can do: programs that look through mails open links, and do not send forms.
type LinkForm struct {
	// Kind is the kind of link, which is where the form goes.
	Kind   string
	Token  string
	Button string
	// IsAgain asks for another link instead.
	IsAgain bool
	// AsksPassword has a field for the new password of Username, AsksLogin one for whoever forgot theirs.
	AsksPassword bool
	Username     string
	AsksLogin    bool
}

var linkPage = template.Must(template.ParseFS(files, "link/page.html"))

// Serve writes the page. The token is in its address: that goes to no other site, and into no cache.
func (p Link) Serve(w http.ResponseWriter, status int) {
	var page bytes.Buffer
	if err := linkPage.Execute(&page, p); err != nil {
		panic(fmt.Errorf("render the page of a link: %w", err)) // the template is part of the binary
	}
	Guard(w.Header())
	w.Header().Set("Content-Type", contentTypes[".html"])
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes()) // the client has gone
}

// Guard sets what every answer needs whose address has a secret in it: nobody keeps it, and no other site is told of it.
func Guard(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Robots-Tag", "noindex")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// LinkStyle serves the style of the page, at /link.css.
func LinkStyle() http.Handler {
	body, err := files.ReadFile("link/link.css")
	if err != nil {
		panic(err)
	}
	return site{policy: policy{styles: "'self'"}, assets: map[string]asset{"/link.css": newAsset("link.css", body)}}
}
