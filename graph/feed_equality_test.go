package graph_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/testkit"
	"github.com/convenehq/convene/internal/viewer"
)

// A town is people on two nodes who do things at random.
type town struct {
	nodes   [2]*api
	people  []viewer.Viewer
	apps    []*app
	circles []string

	mu   sync.Mutex
	sent []sent
}

type sent struct{ id, conversation string }

// TestApplyingUpdatesEqualsAskingAnew is the feed's promise: a client that only applies updates shows what a fresh
// query answers, over every field marked @live, whatever people do, whichever node they land on, and however often
// they are cut off.
func TestApplyingUpdatesEqualsAskingAnew(t *testing.T) {
	t.Parallel()
	actions := 10_000
	if testing.Short() {
		actions = 1_000
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	w := newTown(t, 8)
	const together = 4 // people act at once
	for done := 0; done < actions; done += 100 {
		var busy sync.WaitGroup
		for part := range together {
			random := rand.New(rand.NewPCG(seed, uint64(done+part))) //nolint:gosec // not a secret
			busy.Go(func() {
				for range 100 / together {
					w.act(t, random)
				}
			})
		}
		busy.Wait()
		if t.Failed() {
			return
		}
		for i, p := range w.apps {
			p.settles(t, w.nodes[i%2])
		}
	}
	resyncs, updates := 0, 0
	for _, p := range w.apps {
		for _, kind := range p.updates() {
			updates++
			if kind == "ResyncRequired" {
				resyncs++
			}
		}
	}
	t.Logf("%d actions, %d updates, %d resyncs", actions, updates, resyncs)
	if resyncs > 0 {
		t.Errorf("%d times a client was told to refetch, and none had to", resyncs)
	}
}

func newTown(t *testing.T, people int) *town {
	t.Helper()
	d := testkit.DB(t)
	w := &town{}
	for i := range w.nodes {
		client, err := live.OpenRedis(testkit.RedisURL(t))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = client.Close() })
		w.nodes[i] = newNode(t, d, live.Options{Redis: client})
	}
	for i := range people {
		account := testkit.Person(t, d, fmt.Sprint("person", i))
		who := viewer.OfPerson(account, account)
		p := newApp(who)
		p.connect(t, w.nodes[i%2])
		w.people, w.apps = append(w.people, who), append(w.apps, p)
	}
	for size := 3; size <= people; size += 2 {
		members := make([]uuid.UUID, size)
		for i := range members {
			members[i] = w.people[(size+i)%people].Account()
		}
		c, err := w.nodes[0].Messaging.Open(t.Context(), fmt.Sprint("circle of ", size), members...)
		if err != nil {
			t.Fatal(err)
		}
		w.circles = append(w.circles, string(c.GlobalID()))
	}
	return w
}

// act has somebody do something. What is refused, for a block for example, is an action too.
func (w *town) act(t *testing.T, random *rand.Rand) {
	i := random.IntN(len(w.people))
	who, a := w.people[i], w.nodes[random.IntN(2)]
	other := w.people[(i+1+random.IntN(len(w.people)-1))%len(w.people)]
	do := func(name, input string, variables vars) map[string]any {
		mutation := fmt.Sprintf("mutation ($input: %s!) { %s(input: $input) { userErrors { code } } }", input, name)
		if name == "sendMessage" {
			mutation = sendMessage
		}
		got := a.do(t.Context(), t, who, mutation, vars{"input": variables})
		if len(got.Errors) > 0 {
			t.Errorf("%s: %v", name, got.Errors)
			return nil
		}
		payload, _ := got.Data[name].(map[string]any)
		return payload
	}
	switch n := random.IntN(100); {
	case n < 45:
		input := vars{"body": fmt.Sprint("text ", random.IntN(1000))}
		if len(w.circles) > 0 && n < 25 {
			input["conversationId"] = w.circles[random.IntN(len(w.circles))]
		} else {
			input["recipientId"] = profileID(other)
		}
		if payload := do("sendMessage", "SendMessageInput", input); payload != nil && payload["message"] != nil {
			w.mu.Lock()
			w.sent = append(w.sent, sent{
				payload["message"].(map[string]any)["id"].(string), payload["conversation"].(map[string]any)["id"].(string),
			})
			w.mu.Unlock()
		}
	case n < 70:
		if m, ok := w.recent(random); ok {
			do("markConversationRead", "MarkConversationReadInput", vars{"conversationId": m.conversation})
		}
	case n < 76:
		if m, ok := w.recent(random); ok {
			do("editMessage", "EditMessageInput", vars{"messageId": m.id, "body": fmt.Sprint("edited ", random.IntN(1000))})
		}
	case n < 81:
		if m, ok := w.recent(random); ok {
			do("deleteMessage", "DeleteMessageInput", vars{"messageId": m.id})
		}
	case n < 86:
		if m, ok := w.recent(random); ok {
			do("visitConversation", "VisitConversationInput", vars{"conversationId": m.conversation})
		}
	case n < 89:
		do("block", "BlockInput", vars{"profileId": profileID(other)})
	case n < 93:
		do("unblock", "UnblockInput", vars{"profileId": profileID(other)})
	default:
		// Cut off, and back on whichever node.
		w.apps[i].connect(t, a)
	}
}

func (w *town) recent(random *rand.Rand) (sent, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.sent) == 0 {
		return sent{}, false
	}
	return w.sent[len(w.sent)-1-random.IntN(min(len(w.sent), 20))], true
}
