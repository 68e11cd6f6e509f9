package live

import (
	"context"
	"hash/fnv"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

// channelPrefix begins the name of every Redis channel.
const channelPrefix = "convene:live:"

// Partitions is in how many parts the streams are on a Redis Cluster. All nodes have to agree on it.
const Partitions = 64

// A bus carries updates between nodes over Redis. Nothing is kept in Redis, and nothing waits for it.
//
// Redis alone is one line. A cluster is one for each partition: what is published goes to the one server that has
// the partition's slot, instead of to all, and what becomes of that server is the matter of its lines alone.
type bus struct {
	hub   *Hub
	log   *slog.Logger
	lines []*line
	// down is how many lines are.
	down atomic.Int64
}

func newBus(client redis.UniversalClient, log *slog.Logger, h *Hub) *bus {
	b := &bus{hub: h, log: log}
	cluster, isCluster := client.(*redis.ClusterClient)
	if !isCluster {
		b.lines = []*line{newLine(b, client, nil, channelPrefix, 8192)}
		return b
	}
	for p := range Partitions {
		b.lines = append(b.lines, newLine(b, client, cluster, channelPrefix+PartitionTag(p)+":", 1024))
	}
	// Somebody has to tell that the cluster is there, also while there is no stream.
	b.lines[0].isAlways = true
	return b
}

// PartitionTag is what stands in the names of a partition's channels on a Redis Cluster, and alone says in which
// slot they are.
func PartitionTag(partition int) string { return "{" + strconv.Itoa(partition) + "}" }

// Partition is the partition of a stream on a Redis Cluster.
func Partition(key Key) int {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(key.Kind))
	_, _ = sum.Write(key.ID[:])
	return int(sum.Sum32() % Partitions)
}

// line is the one that a stream's updates go by.
func (b *bus) line(key Key) *line {
	if len(b.lines) == 1 {
		return b.lines[0]
	}
	return b.lines[Partition(key)]
}

func (l *line) channelOf(key Key) string { return l.prefix + key.Kind + ":" + key.ID.String() }

func (l *line) keyOf(channel string) (Key, bool) {
	kind, id, ok := strings.Cut(strings.TrimPrefix(channel, l.prefix), ":")
	if !ok {
		return Key{}, false
	}
	row, err := uuid.Parse(id)
	return Key{Kind: kind, ID: row}, err == nil
}

// run listens and sends until the context ends.
func (b *bus) run(ctx context.Context) {
	confirmed := make(chan *stream, 4096)
	var done sync.WaitGroup
	defer done.Wait()
	done.Go(func() { b.checkConfirmed(ctx, confirmed) })
	for _, l := range b.lines {
		done.Go(func() { l.listen(ctx, confirmed) })
		done.Go(func() { l.send(ctx) })
	}
}

func (b *bus) isDown() bool { return b.down.Load() > 0 }

func (b *bus) subscribe(key Key) { b.line(key).want(key, true) }

func (b *bus) unsubscribe(key Key) { b.line(key).want(key, false) }

// publish queues updates; with a full queue they are left to the sweep of the other nodes.
func (b *bus) publish(key Key, updates []Update) {
	l := b.line(key)
	channel := l.channelOf(key)
	for _, u := range updates {
		select {
		case l.outbox <- outgoing{channel, u.encode()}:
		default:
			unsentUpdates.Inc()
		}
	}
}

// queued is how many updates wait to be sent.
func (b *bus) queued() (n int) {
	for _, l := range b.lines {
		n += len(l.outbox)
	}
	return n
}

// checkConfirmed checks the streams whose subscription was confirmed, all that wait in one statement.
func (b *bus) checkConfirmed(ctx context.Context, confirmed <-chan *stream) {
	for {
		var batch []*stream
		select {
		case <-ctx.Done():
			return
		case s := <-confirmed:
			batch = append(batch, s)
		}
		for more := true; more && len(batch) < 1000; {
			select {
			case s := <-confirmed:
				batch = append(batch, s)
			default:
				more = false
			}
		}
		for _, s := range b.hub.checkAll(ctx, &check{}, batch, confirmFinds, func(*stream) {}) {
			s.verify() // each waits by itself
		}
	}
}

// noteDown says once that Redis is away.
func (b *bus) noteDown(ctx context.Context, l *line, err error) {
	if ctx.Err() == nil && !l.isDown.Swap(true) && b.down.Add(1) == 1 {
		b.log.Warn("Redis is away: updates of other nodes come by the sweep until it is back", "error", err)
	}
}

func (b *bus) noteUp(l *line) {
	if l.isDown.Swap(false) && b.down.Add(-1) == 0 {
		b.log.Info("Redis is back")
	}
}
