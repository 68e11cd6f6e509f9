package transport

import "github.com/convenehq/convene/internal/viewer"

// present says that a connection of somebody's is open, until leave is called. Whoever is not signed in is nobody.
func (h *Handler) present(who viewer.Viewer) (leave func()) {
	if h.Present == nil || who.Kind() != viewer.Person {
		return func() {}
	}
	return h.Present(who.Account())
}
