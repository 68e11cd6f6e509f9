package pages

import (
	"net/http"
	"regexp"
)

// policy is the content security policy of a site: scripts are files of this server, and requests go to
// this server only.
type policy struct {
	styles string
	extra  string
}

// A host as browsers write it; anything else must not get into a header.
var plainHost = regexp.MustCompile(`^(\[[0-9a-fA-F:]+\]|[0-9A-Za-z.-]+)(:[0-9]{1,5})?$`)

func (p policy) set(h http.Header, host string) {
	// 'self' covers WebSockets of the same host only in newer browsers: the others need it in so many words.
	sockets := ""
	if plainHost.MatchString(host) {
		sockets = " ws://" + host + " wss://" + host
	}
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src "+p.styles+
		"; connect-src 'self'"+sockets+"; img-src 'self' data:; font-src 'self' data:"+
		"; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"+p.extra)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}
