package fact

import (
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/convenehq/convene/internal/db"
)

// partitions is into how many parts each consumer's queue is divided, by subject. It is the migration's.
const partitions = 64

// Options are a log's settings; zero values are usable.
type Options struct {
	// Clock is the time; time.Now if nil.
	Clock func() time.Time
	// Poll is how often the queues are looked at besides being woken, for what other nodes have left behind;
	// 2 s if zero.
	Poll time.Duration
	// Log takes the few lines that an operator should see.
	Log *slog.Logger
}

// A Log stores facts and works off the queues of this node's consumers.
type Log struct {
	db        *db.DB
	catalogue Catalogue
	o         Options
	takeTime  time.Duration

	mu        sync.Mutex
	consumers map[string]*worker
	stop      func()
	kill      func()
	done      sync.WaitGroup
}

// New makes a log of the kinds in the catalogue. It stores at once; Start begins to consume.
func New(d *db.DB, c Catalogue, o Options) *Log {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Poll == 0 {
		o.Poll = 2 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Log{db: d, catalogue: c, o: o, takeTime: takeTime, consumers: map[string]*worker{}}
}

// Catalogue is the kinds that the log stores.
func (l *Log) Catalogue() Catalogue { return l.catalogue }

// Consumers are this node's consumers in the order of their names.
func (l *Log) Consumers() []Consumer {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]Consumer, 0, len(l.consumers))
	for _, name := range slices.Sorted(maps.Keys(l.consumers)) {
		all = append(all, l.consumers[name].Consumer)
	}
	return all
}

// A queue is a partition of a consumer's queue.
type queue struct {
	consumer  string
	partition int
}

// wake has this node's workers look at queues; those of consumers that run elsewhere alone are polled there.
func (l *Log) wake(queues ...queue) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, q := range queues {
		if w, ok := l.consumers[q.consumer]; ok {
			w.wake(q.partition)
		}
	}
}
