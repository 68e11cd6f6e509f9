package wall

import (
	"container/list"
	"sync"
)

// A Memory keeps what was last asked for, up to a weight. What was asked for twice is kept apart from what came
// once: a flood of documents that never come again pushes out none of those that do.
type Memory[V any] struct {
	mu sync.Mutex
	// room is the weight that each half may have.
	room  int
	known map[string]*list.Element
	// halves are what came once, and what came again; each with the latest first.
	halves [2]list.List
	weight [2]int
}

type remembered[V any] struct {
	key    string
	value  V
	weight int
	half   int
}

// NewMemory makes a Memory of a whole weight.
func NewMemory[V any](weight int) *Memory[V] {
	return &Memory[V]{room: weight / 2, known: map[string]*list.Element{}}
}

// Get is what was put under a key.
func (m *Memory[V]) Get(key string) (value V, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.known[key]
	if !ok {
		return value, false
	}
	r := e.Value.(*remembered[V])
	if r.half == 1 {
		m.halves[1].MoveToFront(e)
		return r.value, true
	}
	m.drop(e)
	r.half = 1
	m.keep(r)
	return r.value, true
}

// Put keeps a value, unless it is too heavy or known already.
func (m *Memory[V]) Put(key string, value V, weight int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.known[key]; known || weight > m.room {
		return
	}
	m.keep(&remembered[V]{key: key, value: value, weight: weight})
}

func (m *Memory[V]) keep(r *remembered[V]) {
	m.known[r.key] = m.halves[r.half].PushFront(r)
	m.weight[r.half] += r.weight
	for m.weight[r.half] > m.room {
		m.drop(m.halves[r.half].Back())
	}
}

func (m *Memory[V]) drop(e *list.Element) {
	r := e.Value.(*remembered[V])
	m.halves[r.half].Remove(e)
	m.weight[r.half] -= r.weight
	delete(m.known, r.key)
}
