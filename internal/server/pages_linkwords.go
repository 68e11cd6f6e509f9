package server

import (
	"errors"
	"math"
	"net/http"
	"strconv"

	"github.com/convenehq/convene/internal/account"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/server/pages"
)

// linkPageOf is the page of a link that is good.
func linkPageOf(seen account.SeenLink, token string) pages.Link {
	form := &pages.LinkForm{Kind: seen.Kind, Token: token, Username: seen.Username}
	switch seen.Kind {
	case account.KindReset:
		form.Button, form.AsksPassword = "Set the password", true
		return pages.Link{
			Title: "Set a new password", Form: form,
			Lead: []string{"It takes the place of the old one, and ends all sessions of the account."},
		}
	case account.KindUndo:
		form.Button = "Keep " + seen.Email
		return pages.Link{
			Title: "Keep this address?", Form: form,
			Lead: []string{
				"@" + seen.Username + " keeps or gets back the address " + seen.Email + ".",
				"The account is signed out everywhere, and a mail comes with which you set a new password.",
			},
		}
	default:
		form.Button = "Confirm the address"
		return pages.Link{
			Title: "Is this your address?", Form: form,
			Lead:  []string{"Confirm that " + seen.Email + " is the address of the account @" + seen.Username + "."},
			Quiet: "You know nothing of this account? Close the page, and nothing happens.",
		}
	}
}

// refusePage tells why a link does nothing, and how to get one that does.
func (s *Server) refusePage(w http.ResponseWriter, r *http.Request, kind, token string, seen account.SeenLink, err error) {
	var refusal *account.AccountUserError
	if !errors.As(err, &refusal) {
		s.failPage(w, r, err)
		return
	}
	again := &pages.LinkForm{Kind: kind, Token: token, IsAgain: true, Button: "Send me a new link"}
	switch code := refusal.Code; {
	case code == account.CodePasswordInvalid:
		p := linkPageOf(seen, token)
		p.Problem = refusal.Message
		p.Serve(w, http.StatusUnprocessableEntity)
	case code == account.CodeAccountBanned:
		pages.Link{Title: "This account is banned", Lead: []string{"A new password would not let it in."}}.Serve(w, http.StatusForbidden)
	case code == account.CodeEmailTaken:
		pages.Link{
			Title: "The address belongs to another account",
			Lead:  []string{"It was confirmed there first. Sign in to that account, or give this one another address."},
		}.Serve(w, http.StatusGone)
	case kind == account.KindVerify && seen.IsProved:
		pages.Link{
			Title: "This address is confirmed already",
			Lead:  []string{"There is nothing left to do: " + seen.Email + " is the address of @" + seen.Username + "."},
			Quiet: "You can close this page and go on in the app.",
		}.Serve(w, http.StatusOK)
	case code == account.CodeLinkExpired && kind == account.KindUndo, code == account.CodeLinkUsed && kind == account.KindUndo:
		pages.Link{
			Title: "This link has ended",
			Lead:  []string{"It has been used, or is older than a week. If you can not sign in to your account, write to whoever runs this service."},
		}.Serve(w, http.StatusGone)
	case code == account.CodeLinkExpired:
		pages.Link{Title: "This link is too old", Lead: []string{"Links in mails work for a short time only. You can have another one."}, Form: again}.
			Serve(w, http.StatusGone)
	case code == account.CodeLinkUsed:
		pages.Link{Title: "This link has been used", Lead: []string{"Each link works once. You can have another one."}, Form: again}.
			Serve(w, http.StatusGone)
	case kind == account.KindReset:
		askLogin("This link does not work",
			"It may be cut off, or your password or address has changed since it was sent. Say who you are, and another one is sent to you.").
			Serve(w, http.StatusNotFound)
	default:
		pages.Link{
			Title: "This link does not work",
			Lead: []string{
				"It may be cut off, or your address has changed since it was sent. Open it from the mail once more.",
				"If that does not help, sign in to the app and have another one sent.",
			},
		}.Serve(w, http.StatusNotFound)
	}
}

func askLogin(title, lead string) pages.Link {
	return pages.Link{
		Title: title, Lead: []string{lead},
		Form: &pages.LinkForm{Kind: account.KindReset, AsksLogin: true, Button: "Send me a link"},
	}
}

func retryAfter(err *fault.Error) string {
	return strconv.Itoa(int(math.Ceil(err.RetryAfter.Seconds())))
}
