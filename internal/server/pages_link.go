package server

import (
	"errors"
	"net/http"

	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/limit"
	"github.com/convenehq/convene/internal/server/pages"
	"github.com/convenehq/convene/internal/viewer"
)

// mostForm is how many bytes a form has at most.
const mostForm = 8 << 10

// linkRoutes are the pages of links in mails, for whoever has no client at hand. GET shows what a link is for, and POST does
// it: programs that look through mails open every link.
func (s *Server) linkRoutes(mux *http.ServeMux) {
	for _, kind := range []string{account.KindVerify, account.KindReset, account.KindUndo} {
		mux.Handle("GET /"+kind, s.page(func(w http.ResponseWriter, r *http.Request) { s.showLink(w, r, kind) }))
		mux.Handle("POST /"+kind, s.page(func(w http.ResponseWriter, r *http.Request) { s.followLink(w, r, kind) }))
	}
	mux.Handle("GET /link.css", pages.LinkStyle())
}

// page counts who asks as everywhere, and tells them as a page.
func (s *Server) page(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := account.WithDevice(r.Context(), r.UserAgent())
		if s.o.Limits != nil {
			client := s.o.Limits.Client(s.addressOf(r))
			if err := client.Arrive(); err != nil {
				s.failPage(w, r, err)
				return
			}
			ctx = limit.With(ctx, client)
		}
		next(w, r.WithContext(ctx))
	})
}

func (s *Server) showLink(w http.ResponseWriter, r *http.Request, kind string) {
	token := r.URL.Query().Get("token")
	if kind == account.KindReset && token == "" {
		askLogin("Forgot your password?", "Say who you are, and a mail with a link to a new password is sent to the address of your account.").
			Serve(w, http.StatusOK)
		return
	}
	seen, err := s.o.Accounts.LookAtLink(r.Context(), kind, token)
	if err == nil {
		err = seen.Refused
	}
	if err != nil {
		s.refusePage(w, r, kind, token, seen, err)
		return
	}
	linkPageOf(seen, token).Serve(w, http.StatusOK)
}

// followLink does what a page was sent for. What the link says is what proves who asks; that the form was sent from a page of
// ours is wanted besides, so that nobody is led here by a page of somebody else's.
func (s *Server) followLink(w http.ResponseWriter, r *http.Request, kind string) {
	ours := CheckOrigin(s.o.Config)(r)
	// The pages send no referrer, and browsers then say "null" of their origin. Old ones say nothing else.
	if !ours && (r.Header.Get("Sec-Fetch-Site") != "" || r.Header.Get("Origin") != "null") {
		pages.Link{Title: "That did not come from here", Lead: []string{"Open the link in your mail again."}}.Serve(w, http.StatusForbidden)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, mostForm)
	if err := r.ParseForm(); err != nil {
		pages.Link{Title: "That could not be read", Lead: []string{"Open the link in your mail again."}}.Serve(w, http.StatusBadRequest)
		return
	}
	token, login := r.PostForm.Get("token"), r.PostForm.Get("login")
	switch {
	case r.PostForm.Get("again") != "":
		s.renewLink(w, r, kind, token)
	case kind == account.KindReset && token == "" && login != "":
		s.forgotPassword(w, r, login)
	case kind == account.KindReset:
		s.resetPage(w, r, token, ours)
	case kind == account.KindUndo:
		s.undoPage(w, r, token)
	default:
		s.verifyPage(w, r, token)
	}
}

func (s *Server) verifyPage(w http.ResponseWriter, r *http.Request, token string) {
	done, err := s.o.Accounts.VerifyEmail(r.Context(), account.VerifyEmailInput{Token: token})
	if err != nil {
		seen, _ := s.o.Accounts.LookAtLink(r.Context(), account.KindVerify, token)
		s.refusePage(w, r, account.KindVerify, token, seen, err)
		return
	}
	p := pages.Link{
		Title: "Your address is confirmed",
		Lead:  []string{"Thank you. " + done.Account.Email + " is the address of @" + done.Account.Username + "."},
		Quiet: "You can close this page and go on in the app.",
	}
	if done.IsResetSent {
		p.Lead = append(p.Lead, "The mail with which you set a new password is on its way to you.")
	}
	p.Serve(w, http.StatusOK)
}

func (s *Server) undoPage(w http.ResponseWriter, r *http.Request, token string) {
	row, err := s.o.Accounts.UndoEmailChange(r.Context(), account.UndoEmailChangeInput{Token: token})
	if err != nil {
		seen, _ := s.o.Accounts.LookAtLink(r.Context(), account.KindUndo, token)
		s.refusePage(w, r, account.KindUndo, token, seen, err)
		return
	}
	pages.Link{
		Title: "You keep your address",
		Lead: []string{
			"@" + row.Username + " has the address " + row.Email + ", and is signed out everywhere.",
			"A mail with which you set a new password is on its way to you. Use it if it was not you who changed the address.",
		},
	}.Serve(w, http.StatusOK)
}

// resetPage sets the password. It signs the browser in, unless somebody else is signed in there.
func (s *Server) resetPage(w http.ResponseWriter, r *http.Request, token string, ours bool) {
	in := account.ResetPasswordInput{Token: token, NewPassword: r.PostForm.Get("password"), Cookie: true}
	ctx, cookies := r.Context(), s.cookies(w)
	seen, err := s.o.Accounts.LookAtLink(ctx, account.KindReset, token)
	if err == nil {
		err = seen.Refused
	}
	signsIn := false
	if err == nil {
		who := viewer.Viewer{}
		if ours {
			who, _, err = s.whoAsks(ctx, r, cookies, ours)
		}
		signsIn = ours && (who.Kind() == viewer.Nobody || who.Account() == seen.Account.ID)
	}
	var done *account.SignedIn
	switch {
	case err != nil:
	case signsIn:
		done, err = s.o.Accounts.ResetPassword(ctx, in)
	default:
		err = s.o.Accounts.ResetPasswordOnly(ctx, in)
	}
	if err != nil {
		s.refusePage(w, r, account.KindReset, token, seen, err)
		return
	}
	p := pages.Link{
		Title: "Your password is set",
		Lead:  []string{"@" + seen.Username + " has a new password, and was signed out everywhere else."},
		Quiet: "You can close this page and sign in to the app with it.",
	}
	if done != nil {
		cookies.Set(done.Cookie, done.CookieEnds)
		p.Quiet = "You are signed in here. You can close this page and go on in the app."
	}
	p.Serve(w, http.StatusOK)
}

func (s *Server) forgotPassword(w http.ResponseWriter, r *http.Request, login string) {
	_, err := limit.From(r.Context()).AskLink()
	if err == nil {
		err = s.o.Accounts.RequestPasswordReset(r.Context(), account.RequestPasswordResetInput{Login: login})
	}
	if err != nil {
		s.failPage(w, r, err)
		return
	}
	pages.Link{
		Title: "Look into your mail",
		Lead:  []string{"If there is such an account, a mail with a link is on its way to its address."},
		Quiet: "Nothing there after some minutes? Look into the folder for spam, too.",
	}.Serve(w, http.StatusOK)
}

func (s *Server) renewLink(w http.ResponseWriter, r *http.Request, kind, token string) {
	_, err := limit.From(r.Context()).AskLink()
	if err == nil {
		err = s.o.Accounts.RenewLink(r.Context(), kind, token)
	}
	if err != nil {
		s.refusePage(w, r, kind, token, account.SeenLink{Kind: kind}, err)
		return
	}
	pages.Link{
		Title: "Look into your mail",
		Lead:  []string{"A new link is on its way to the address that the old one was sent to, if there is still something to do with it."},
		Quiet: "Nothing there after some minutes? Look into the folder for spam, too.",
	}.Serve(w, http.StatusOK)
}

// failPage tells what is nobody's mistake, or that somebody asks too much.
func (s *Server) failPage(w http.ResponseWriter, r *http.Request, err error) {
	var known *fault.Error
	switch {
	case errors.As(err, &known) && known.Code == fault.CodeRateLimited:
		w.Header().Set("Retry-After", retryAfter(known))
		pages.Link{Title: "Too often", Lead: []string{known.Message}}.Serve(w, http.StatusTooManyRequests)
	case errors.As(err, &known) && known.Code == fault.CodeUnavailable:
		pages.Link{Title: "Not just now", Lead: []string{"Try again in a minute. The link stays good."}}.Serve(w, http.StatusServiceUnavailable)
	default:
		s.o.Log.ErrorContext(r.Context(), "The page of a link failed", "error", err)
		pages.Link{Title: "Something went wrong here", Lead: []string{"It has been noted. Try again in a minute."}}.Serve(w, http.StatusInternalServerError)
	}
}
