package server

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/convenehq/convene/internal/db"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/invite"
	"github.com/convenehq/convene/internal/server/pages"
)

// invite is where the link of a code leads: on to the app, if there is one, and else to a page that says what the code is for.
// It changes nothing, so that whoever looks at links before people do uses nothing up.
func (s *Server) invite(w http.ResponseWriter, r *http.Request) {
	code, ok := invite.ReadCode(r.PathValue("code"))
	if !ok {
		noInvite(w)
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
	if db.IsUnavailable(err) || db.IsTimeout(err) {
		err = fault.Unavailable(err)
	}
	switch {
	case err != nil:
		s.failPage(w, r, err)
	case found == nil:
		noInvite(w)
	default:
		s.invitePage(code, found).Serve(w, http.StatusOK)
	}
}

func noInvite(w http.ResponseWriter) {
	pages.Link{
		Title: "No invite",
		Lead:  []string{"One can not join with this code, or not any more. Ask whoever gave it to you for another."},
	}.Serve(w, http.StatusNotFound)
}

func (s *Server) invitePage(code string, found *invite.InvitePreview) pages.Link {
	place := s.publicURL()
	if u, err := url.Parse(place); err == nil && u.Host != "" {
		place = u.Host
	}
	who := "You have been invited to join " + place + "."
	if found.Inviter != nil {
		who = fmt.Sprintf("%s (@%s) has invited you to join %s.", found.Inviter.DisplayName, found.Inviter.Username, place)
	}
	return pages.Link{
		Title: "You are invited",
		Lead: []string{
			who, "Your code is " + code,
			"Open the app that you want to join with, register there, and give this code when you are asked for it. " +
				"It is good until " + found.ExpiresAt.UTC().Format("2 January 2006, 15:04") + " UTC.",
		},
		Quiet: "Keep the code to yourself: whoever has it can join with it.",
	}
}
