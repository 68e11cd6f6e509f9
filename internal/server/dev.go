package server

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/demo"
)

// devSession signs a page in as a demo person and answers the tokens: two tabs can be two people.
func (s *Server) devSession(w http.ResponseWriter, r *http.Request) {
	// A page of another origin could otherwise fetch tokens here.
	if err := http.NewCrossOriginProtection().Check(r); err != nil || r.Header.Get("Content-Type") != "application/json" {
		http.Error(w, "Only the demo's own page signs in here.", http.StatusForbidden)
		return
	}
	var in struct {
		As string `json:"as"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&in); err != nil {
		http.Error(w, `Send {"as": "ada"}.`, http.StatusBadRequest)
		return
	}
	person, id, ok := s.demoPerson(w, r, in.As)
	if !ok {
		return
	}
	in2, err := s.o.Accounts.SignInAs(r.Context(), id, false)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"accessToken": in2.Tokens.AccessToken, "refreshToken": in2.Tokens.RefreshToken, "expiresAt": in2.Tokens.ExpiresAt,
		"username": person.Username, "displayName": person.DisplayName, "profileId": relay.NewID(ent.ProfilePrefix, id),
	})
}

// devSignIn signs a browser in as a demo person by cookie, and sends it on.
func (s *Server) devSignIn(w http.ResponseWriter, r *http.Request) {
	_, id, ok := s.demoPerson(w, r, r.URL.Query().Get("as"))
	if !ok {
		return
	}
	signedIn, err := s.o.Accounts.SignInAs(r.Context(), id, true)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.cookies(w).Set(signedIn.Cookie, signedIn.CookieEnds)
	to := r.URL.Query().Get("to")
	// Browsers drop tabs and line breaks, and read a backslash as a slash.
	if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.Contains(to, "\\") || strings.ContainsFunc(to, unicode.IsControl) {
		to = "/graphiql"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (s *Server) demoPerson(w http.ResponseWriter, r *http.Request, username string) (demo.Person, uuid.UUID, bool) {
	people := demo.People()
	at := slices.IndexFunc(people, func(p demo.Person) bool { return p.Username == username })
	if at < 0 {
		http.Error(w, "There is no such demo person.", http.StatusNotFound)
		return demo.Person{}, uuid.Nil, false
	}
	id, err := s.o.Accounts.ByUsername(r.Context(), username)
	if err != nil {
		s.fail(w, r, err)
		return demo.Person{}, uuid.Nil, false
	}
	if id == uuid.Nil {
		http.Error(w, "This demo person has not moved in.", http.StatusNotFound)
		return demo.Person{}, uuid.Nil, false
	}
	return people[at], id, true
}

func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	s.o.Log.ErrorContext(r.Context(), "A development page failed", "error", err)
	http.Error(w, "Something went wrong here; the log says what.", http.StatusInternalServerError)
}
