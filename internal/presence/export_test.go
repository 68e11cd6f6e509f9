package presence

import "github.com/google/uuid"

// Kept is how many things a tracker remembers.
func Kept(t *Tracker) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.here) + len(t.leaving) + len(t.pending) + len(t.touched)
	for _, p := range t.peers {
		n += 1 + len(p.people)
	}
	return n
}

// IsHere tells whether somebody is with this node, or was within the grace.
func IsHere(t *Tracker, account uuid.UUID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, isHere := t.here[account]
	return isHere
}
