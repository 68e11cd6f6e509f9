package presence

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

// A link is what the ticking knows of Redis.
type link struct {
	last      string    // the last entry read
	isWritten bool      // whether our set is as it was when we last looked, but for what is pending
	beaten    time.Time // when we last said that we live
	read      time.Time // when we last heard all
	wasKnown  bool
}

const (
	// exchangeTime is how long Redis may take.
	exchangeTime = 3 * time.Second
	// mostChanges is how many people an entry names; who has more to say has the others read the whole set.
	mostChanges = 200
	// kept is about how many entries the stream keeps. Each node reads every second, so there could be fewer; who
	// has not read for longer than the patience reads the sets.
	kept = 1000
	// atOnce is how many people or entries a command takes.
	atOnce = 1000
)

// The fields of an entry.
const (
	fieldNode = "n"
	fieldSize = "s" // how many are in the node's set after it
	fieldCame = "+"
	fieldWent = "-"
	fieldAll  = "all"
)

func (t *Tracker) stream() string               { return t.o.Prefix + "changes" }
func (t *Tracker) people(node uuid.UUID) string { return t.o.Prefix + "people:" + node.String() }

// exchange says what is new here and hears what is new elsewhere. The set is always written before the entry that
// tells of it: who reads the set because of an entry finds at least that.
func (t *Tracker) exchange(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, exchangeTime)
	defer cancel()
	if err := t.say(ctx); err != nil {
		t.link.isWritten = false
		return err
	}
	return t.hear(ctx)
}

// say brings our set up to date, and says so in the stream, if there is something new or it is time.
func (t *Tracker) say(ctx context.Context) error {
	t.mu.Lock()
	isWhole := !t.link.isWritten
	if !isWhole && len(t.pending) == 0 && time.Since(t.link.beaten) < t.o.Beat {
		t.mu.Unlock()
		return nil
	}
	var came, went, all [][]byte
	for account, isIn := range t.pending {
		if isIn {
			came = append(came, account[:])
		} else {
			went = append(went, account[:])
		}
	}
	if isWhole {
		for account := range t.here {
			all = append(all, account[:])
		}
	}
	clear(t.pending)
	size := len(t.here)
	t.mu.Unlock()

	count, err := t.write(ctx, isWhole, all, came, went)
	if err != nil {
		return err
	}
	// Else Redis has forgotten it: the next time all of it is written.
	t.link.isWritten = count == int64(size)
	fields := []any{fieldNode, t.id[:], fieldSize, strconv.Itoa(size)}
	if isWhole || len(came)+len(went) > mostChanges {
		fields = append(fields, fieldAll, "1")
	} else {
		fields = append(fields, fieldCame, slices.Concat(came...), fieldWent, slices.Concat(went...))
	}
	entry := &redis.XAddArgs{Stream: t.stream(), MaxLen: kept, Approx: true, Values: fields}
	if err := t.o.Redis.XAdd(ctx, entry).Err(); err != nil {
		return fmt.Errorf("say who has come and gone: %w", err)
	}
	t.link.beaten = time.Now()
	return nil
}

// write brings our set up to date, and answers how many are in it.
func (t *Tracker) write(ctx context.Context, isWhole bool, all, came, went [][]byte) (int64, error) {
	key, pipe := t.people(t.id), t.o.Redis.TxPipeline() // nobody reads half of it
	if isWhole {
		pipe.Del(ctx, key)
		came, went = all, nil
	}
	for some := range slices.Chunk(came, atOnce) {
		pipe.SAdd(ctx, key, members(some)...)
	}
	for some := range slices.Chunk(went, atOnce) {
		pipe.SRem(ctx, key, members(some)...)
	}
	pipe.PExpire(ctx, key, t.o.Grace)
	count := pipe.SCard(ctx, key)
	if _, err := pipe.Exec(ctx); err != nil {
		return 0, fmt.Errorf("write who is here: %w", err)
	}
	return count.Val(), nil
}

func members(ids [][]byte) []any {
	list := make([]any, len(ids))
	for i, id := range ids {
		list[i] = id
	}
	return list
}

// hear reads what the other nodes have said, and the sets of those of whom not all was heard.
func (t *Tracker) hear(ctx context.Context) error {
	isLate := time.Since(t.link.read) >= t.patience()
	t.mu.Lock()
	if isLate {
		// Their silence was ours, and what they said meanwhile may be gone, or all that was ever said.
		t.link.last = "0"
		for _, p := range t.peers {
			p.heard, p.isWhole = time.Now(), false
		}
	}
	t.mu.Unlock()
	for {
		read, err := t.o.Redis.XRead(ctx, &redis.XReadArgs{Streams: []string{t.stream(), t.link.last}, Count: atOnce, Block: -1}).Result()
		if errors.Is(err, redis.Nil) || err == nil && len(read) == 0 {
			break
		}
		if err != nil {
			return fmt.Errorf("read who has come and gone: %w", err)
		}
		entries := read[0].Messages
		t.mu.Lock()
		for _, entry := range entries {
			t.applyLocked(entry.Values)
			t.link.last = entry.ID
		}
		t.mu.Unlock()
		if len(entries) < atOnce {
			break
		}
	}
	if err := t.load(ctx); err != nil {
		return err
	}
	t.link.read = time.Now()
	t.bury(t.link.read)
	return nil
}
