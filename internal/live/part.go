package live

import (
	"bytes"
	"slices"
)

// A part is the streams that the sweep looks at together. It is under the hub's lock.
type part struct {
	streams []*stream
	isMixed bool
}

func (p *part) add(s *stream) {
	s.place = len(p.streams)
	p.streams = append(p.streams, s)
	p.isMixed = true
}

// remove takes a stream out, whose place the last one takes.
func (p *part) remove(s *stream) {
	end := len(p.streams) - 1
	last := p.streams[end]
	p.streams[s.place], last.place = last, s.place
	p.streams[end] = nil
	p.streams = p.streams[:end]
	p.isMixed = true
}

// inOrder are the streams in the order of their ids: asked so, PostgreSQL finds one beside the other, at half the
// cost.
func (p *part) inOrder() []*stream {
	if p.isMixed {
		slices.SortFunc(p.streams, func(a, b *stream) int { return bytes.Compare(a.key.ID[:], b.key.ID[:]) })
		for i, s := range p.streams {
			s.place = i
		}
		p.isMixed = false
	}
	return p.streams
}
