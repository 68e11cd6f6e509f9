package server

import (
	"net/http"
	"net/url"

	"github.com/convenehq/convene/internal/invite"
	"github.com/convenehq/convene/internal/server/pages"
)

// invite is where the link of a code leads: on to the app, if there is one, and else to a page that says what the code is for.
// It changes nothing, so that whoever looks at links before people do uses nothing up.
func (s *Server) invite(w http.ResponseWriter, r *http.Request) {
	code, ok := invite.ReadCode(r.PathValue("code"))
	if !ok {
		pages.Invite{}.Serve(w)
		return
	}
	code = invite.Show(code)
	if to := s.o.Config.AppLink(code); to != "" {
		// The setting says where; of the request there are letters, digits and hyphens in it.
		pages.Guard(w.Header())
		http.Redirect(w, r, to, http.StatusSeeOther)
		return
	}
	found, err := s.o.Invites.Preview(r.Context(), code)
	if err != nil {
		s.o.Log.ErrorContext(r.Context(), "An invite could not be looked up", "error", err)
		pages.Guard(w.Header())
		http.Error(w, "This can not be looked up just now. Try again in a moment.", http.StatusServiceUnavailable)
		return
	}
	page := pages.Invite{Service: s.publicURL()}
	if u, err := url.Parse(page.Service); err == nil && u.Host != "" {
		page.Service = u.Host
	}
	if found != nil {
		page.Code, page.Until = code, found.ExpiresAt
		if found.Inviter != nil {
			page.Handle, page.Name = found.Inviter.Username, found.Inviter.DisplayName
		}
	}
	page.Serve(w)
}
