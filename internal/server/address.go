package server

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// addressOf is where a request comes from: its peer's address or, if that is a proxy that we trust, what it says
// in X-Forwarded-For. There each proxy adds at the right what it has seen, so the first address from the right
// that is no trusted proxy's is the client's: what stands left of it anybody may have made up. A header that can
// not be read is none.
func (s *Server) addressOf(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{} // no address of the network's, as in memory
	}
	peer := at.Addr().Unmap()
	said := strings.Join(r.Header.Values("X-Forwarded-For"), ",")
	if said == "" {
		return peer
	}
	if !s.trusts(peer) {
		if peer.IsPrivate() || peer.IsLoopback() {
			s.strange.Do(func() { s.warnOfProxy(peer) })
		}
		return peer
	}
	client := peer
	for said != "" && s.trusts(client) {
		var hop string
		said, hop = said[:max(0, strings.LastIndexByte(said, ','))], said[strings.LastIndexByte(said, ',')+1:]
		address, ok := hopOf(hop)
		if !ok {
			return peer
		}
		client = address
	}
	return client
}

func (s *Server) trusts(address netip.Addr) bool {
	return slices.ContainsFunc(s.proxies, func(network netip.Prefix) bool { return network.Contains(address) })
}

// hopOf reads an address of X-Forwarded-For. Some proxies write a port behind it.
func hopOf(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	if at, err := netip.ParseAddrPort(text); err == nil {
		return at.Addr().Unmap().WithZone(""), true
	}
	if inner, ok := strings.CutPrefix(text, "["); ok {
		text = strings.TrimSuffix(inner, "]")
	}
	address, err := netip.ParseAddr(text)
	return address.Unmap().WithZone(""), err == nil
}
