// Command newuser greets whoever is new: an example of a service that reads a topic of Convene, see
// docs/topics.md.
//
//	REDIS_URL=… go run ./docs/examples/newuser
//
// Any number of them share the work, each under a name of its own. One that dies leaves what it had taken to the
// others.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	batch = 10
	// remembered is for how long a fact's number is kept to know it by when it comes again.
	remembered = 7 * 24 * time.Hour
)

// A reader is one of those that share a topic.
type reader struct {
	redis             *redis.Client
	topic, group, own string
	// idle is how long another reader may take over an entry before it is taken over from it.
	idle time.Duration
	// effect is what is to be done about somebody new. It is called again if it fails.
	effect func(ctx context.Context, entry map[string]any) error
}

func main() {
	host, _ := os.Hostname()
	topic := flag.String("topic", "convene:topic:NewUser", "the key of the topic")
	name := flag.String("name", fmt.Sprintf("%s-%d", host, os.Getpid()), "what this reader is called")
	idle := flag.Duration("idle", 30*time.Second, "how long the others may take over an entry")
	flag.Parse()
	o, err := redis.ParseURL(cmp.Or(os.Getenv("REDIS_URL"), "redis://127.0.0.1:6380"))
	if err != nil {
		log.Fatal(err)
	}
	r := &reader{redis: redis.NewClient(o), topic: *topic, group: "greeter", own: *name, idle: *idle, effect: greet}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	r.run(ctx)
}

// greet is where your service does its work.
func greet(_ context.Context, entry map[string]any) error {
	_, err := fmt.Printf("Welcome, %v (fact %v of %v)\n", entry["subject"], entry["fact"], entry["at"])
	return err
}

// run reads until the context ends. Nothing ends it but that: Redis may go away and come back, also empty.
func (r *reader) run(ctx context.Context) {
	for ctx.Err() == nil {
		err := r.round(ctx)
		switch {
		case err == nil || ctx.Err() != nil:
			continue
		case redis.HasErrorPrefix(err, "NOGROUP"):
			// The first time, and when Redis has lost its data. From "0", so that what is there already counts too.
			err = r.redis.XGroupCreateMkStream(ctx, r.topic, r.group, "0").Err()
			if err == nil || redis.HasErrorPrefix(err, "BUSYGROUP") { // another reader was faster
				continue
			}
		}
		log.Printf("trying again: %v", err)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// round takes over what others have left lying, and then what is new.
func (r *reader) round(ctx context.Context) error {
	for from := "0-0"; ; {
		left, next, err := r.redis.XAutoClaim(ctx, &redis.XAutoClaimArgs{
			Stream: r.topic, Group: r.group, Consumer: r.own, MinIdle: r.idle, Start: from, Count: batch,
		}).Result()
		if err != nil {
			return err
		}
		if err := r.handle(ctx, left); err != nil {
			return err
		}
		if from = next; from == "0-0" {
			break
		}
	}
	streams, err := r.redis.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: r.group, Consumer: r.own, Streams: []string{r.topic, ">"}, Count: batch, Block: min(r.idle, 2*time.Second),
	}).Result()
	if errors.Is(err, redis.Nil) {
		return nil // nothing new
	}
	if err != nil {
		return err
	}
	for _, s := range streams {
		if err := r.handle(ctx, s.Messages); err != nil {
			return err
		}
	}
	return nil
}

// handle has the effect of each entry whose fact is new, and acknowledges all.
func (r *reader) handle(ctx context.Context, entries []redis.XMessage) error {
	for _, e := range entries {
		seen := fmt.Sprintf("%s:%s:seen:%v", r.topic, r.group, e.Values["fact"])
		known, err := r.redis.Exists(ctx, seen).Result()
		if err != nil {
			return err
		}
		if known == 0 && e.Values["fact"] != nil { // what was trimmed meanwhile comes without fields
			if err := r.effect(ctx, e.Values); err != nil {
				return err
			}
		}
		// Who dies right here has the effect again. If yours is a row in a database, keep the fact's number there
		// instead, in the same transaction: then it happens exactly once.
		_, err = r.redis.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.Set(ctx, seen, 1, remembered)
			p.XAck(ctx, r.topic, r.group, e.ID)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
