package limit

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// tellEvery is how often Redis is told what was let through.
	tellEvery = 100 * time.Millisecond
	// tellTime is how long Redis may take, and how long it is left alone when it does not answer.
	tellTime = time.Second
	// tellAtOnce is of how much Redis is told in one call: others wait while it runs.
	tellAtOnce = 200
	// mostDebt is how many bursts Redis counts at most. A clock of Redis that went back would keep people
	// out for as long as it went back, else.
	mostDebt = 4
)

// prefix begins the keys in Redis; the braces keep them together on a cluster.
const prefix = "{convene:limit}:"

// count adds to what is used, in microseconds until it is back, and answers how much that is now. Other than
// the limiters that one finds, it also counts what is above the limit: it has been let through.
var count = redis.NewScript(`
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local used = {}
for i, key in ipairs(KEYS) do
	local back = math.max(tonumber(redis.call('GET', key) or now) or now, now) + ARGV[2 * i - 1]
	back = math.min(back, now + ARGV[2 * i])
	if back > now then
		redis.call('SET', key, string.format('%.0f', back), 'PX', math.ceil((back - now) / 1000))
	else
		redis.call('DEL', key)
	end
	used[i] = math.max(0, back - now)
end
return used
`)

// Start tells Redis, and hears from it, until Close.
func (l *Limiter) Start() {
	l.stopped.Go(func() {
		ticker := time.NewTicker(tellEvery)
		defer ticker.Stop()
		for i := 0; ; i++ {
			select {
			case <-l.stop:
				return
			case <-ticker.C:
			}
			l.parts[i%parts].tidy(l.now())
			if err := l.tell(); err != nil {
				l.log.Debug("Redis was not told of what clients ask; each node goes by itself", "error", err)
				select {
				case <-l.stop:
					return
				case <-time.After(tellTime):
				}
			}
		}
	})
}

// Close stops telling Redis; taking goes on.
func (l *Limiter) Close() {
	close(l.stop)
	l.stopped.Wait()
}

// tell tells Redis what was let through since the last time, and takes over what all nodes have. What it
// could not be told is not told later: nobody would make up for it by then.
func (l *Limiter) tell() error {
	var keys []key
	var costs []time.Duration
	for i := range l.parts {
		keys, costs = l.parts[i].takeUntold(keys, costs)
	}
	if l.redis == nil {
		return nil
	}
	for len(keys) > 0 {
		n := min(len(keys), tellAtOnce)
		if err := l.tellSome(keys[:n], costs[:n]); err != nil {
			return err
		}
		keys, costs = keys[n:], costs[n:]
	}
	return nil
}

func (p *part) takeUntold(keys []key, costs []time.Duration) ([]key, []time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range p.untold {
		if u, known := p.used[k]; known && u.untold != 0 {
			keys, costs = append(keys, k), append(costs, u.untold)
			u.untold = 0
			p.used[k] = u
		}
	}
	p.untold = p.untold[:0]
	return keys, costs
}

func (l *Limiter) tellSome(keys []key, costs []time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), tellTime)
	defer cancel()
	names, args := make([]string, len(keys)), make([]any, 0, 2*len(keys))
	for i, k := range keys {
		names[i] = prefix + string(k.kind) + ":" + hex.EncodeToString(k.of[:])
		args = append(args, costs[i].Microseconds(), (mostDebt * l.rates[k.kind].full()).Microseconds())
	}
	asked := l.now()
	used, err := count.Run(ctx, l.redis, names, args...).Int64Slice()
	if err != nil {
		return err
	}
	for i, k := range keys {
		l.hear(k, asked+time.Duration(used[i])*time.Microsecond)
	}
	return nil
}

// hear takes over when all of what all nodes have let through is back, which is not before what this one
// has let through is.
func (l *Limiter) hear(k key, back time.Duration) {
	p := l.partOf(k)
	p.mu.Lock()
	defer p.mu.Unlock()
	u, now := p.used[k], l.now()
	if back += u.untold; back > u.back && back > now {
		u.back = back
		p.note(k, u, 0, now)
	}
}
