package limit

// Counted is of how many a limiter keeps count.
func Counted(l *Limiter) (n int) {
	for i := range l.parts {
		n += len(l.parts[i].used)
	}
	return n
}

// Tidy forgets whom all is back to, which Start does bit by bit.
func Tidy(l *Limiter) {
	for i := range l.parts {
		l.parts[i].tidy(l.now())
	}
}

// Tell tells Redis now.
func Tell(l *Limiter) error { return l.tell() }
