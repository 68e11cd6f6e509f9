package server

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/convenehq/convene/internal/mail"
	"github.com/convenehq/convene/internal/server/pages"
)

// mailRoutes are the mailbox of development, and the gallery of templates.
func (s *Server) mailRoutes(mux *http.ServeMux) {
	for path, h := range map[string]http.HandlerFunc{
		"/dev/mail":                s.mailbox,
		"/dev/mail/html":           s.mailHTML,
		"/dev/mail.json":           s.mailJSON,
		"/dev/mail/templates":      s.templates,
		"/dev/mail/templates/html": s.templateHTML,
	} {
		mux.Handle("GET "+path, s.local(h))
	}
	mux.Handle("GET /dev/mail/mail.css", s.local(pages.MailStyle()))
}

// mailbox lists the mails, and shows the one that the query names.
func (s *Server) mailbox(w http.ResponseWriter, r *http.Request) {
	all, err := s.o.Mailbox.List(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	page := pages.Mails{Title: "Mailbox", Hint: "Mails that would have been sent, the newest first."}
	for _, m := range all {
		id := strconv.FormatInt(m.ID, 10)
		page.Entries = append(page.Entries, pages.MailEntry{
			Link: "/dev/mail?id=" + id, Subject: m.Subject, To: m.To, At: m.At, Chosen: id == r.URL.Query().Get("id"),
		})
		if id == r.URL.Query().Get("id") {
			page.Chosen = &pages.Mail{
				Subject: m.Subject, To: strings.TrimSpace(m.Name + " <" + m.To + ">"), MessageID: m.MessageID, Text: m.Text,
				Frame: "/dev/mail/html?id=" + id,
			}
		}
	}
	page.Serve(w, r)
}

// mailHTML is a mail's HTML alone, for the frame of the page.
func (s *Server) mailHTML(w http.ResponseWriter, r *http.Request) {
	all, err := s.o.Mailbox.List(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	at := slices.IndexFunc(all, func(m mail.Received) bool { return strconv.FormatInt(m.ID, 10) == r.URL.Query().Get("id") })
	if at < 0 {
		http.Error(w, "There is no such mail, or no longer.", http.StatusNotFound)
		return
	}
	pages.MailFrame(w, all[at].HTML)
}

// mailJSON is the mailbox for programs.
func (s *Server) mailJSON(w http.ResponseWriter, r *http.Request) {
	all, err := s.o.Mailbox.List(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"mails": all})
}

// templates lists all templates, and shows a sample of the one that the query names.
func (s *Server) templates(w http.ResponseWriter, r *http.Request) {
	page := pages.Mails{Title: "Templates", Hint: "Every mail there is, as somebody might get it.", IsGallery: r.URL.Query().Get("name") == ""}
	for _, name := range mail.Templates() {
		m, err := mail.Sample(name, s.publicURL())
		if err != nil {
			s.fail(w, r, err)
			return
		}
		chosen := name == r.URL.Query().Get("name")
		frame := "/dev/mail/templates/html?name=" + url.QueryEscape(name)
		page.Entries = append(page.Entries, pages.MailEntry{
			Link: "/dev/mail/templates?name=" + url.QueryEscape(name), Subject: m.Subject, To: name, Chosen: chosen, Frame: frame,
		})
		if chosen {
			page.Chosen = &pages.Mail{
				Subject: m.Subject, To: m.To.Address, Text: m.Text, Frame: frame,
			}
		}
	}
	page.Serve(w, r)
}

// templateHTML is the HTML of a sample alone.
func (s *Server) templateHTML(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("name")
	if !slices.Contains(mail.Templates(), name) {
		http.Error(w, "There is no such template.", http.StatusNotFound)
		return
	}
	m, err := mail.Sample(name, s.publicURL())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	pages.MailFrame(w, m.HTML)
}

func (s *Server) publicURL() string { return strings.TrimSuffix(s.o.Config.URL, "/") }
