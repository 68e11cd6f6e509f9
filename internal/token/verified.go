package token

import "sync"

// verified remembers tokens whose signature has been checked: a client sends the same one with each
// request for 15 minutes. It is bounded by two halves: when the young half is full the old one is
// forgotten, so that what is in use stays.
type verified struct {
	mu         sync.Mutex
	young, old map[string]Claims
}

const verifiedHalf = 8192

func (v *verified) get(token string) (Claims, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if c, ok := v.young[token]; ok {
		return c, true
	}
	c, ok := v.old[token]
	if ok {
		v.keep(token, c)
	}
	return c, ok
}

func (v *verified) put(token string, c Claims) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.keep(token, c)
}

func (v *verified) keep(token string, c Claims) {
	if v.young == nil || len(v.young) >= verifiedHalf {
		v.young, v.old = make(map[string]Claims), v.young
	}
	v.young[token] = c
}
