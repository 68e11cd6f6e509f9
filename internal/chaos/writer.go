package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/rehearsal"
)

// tries is how often a mutation is tried that gets no answer, with growing pauses.
const tries = 7

// A writer does at a steady pace, and one after the other, what some people do.
type writer struct {
	fleet  *rehearsal.Fleet
	ledger *ledger
	town   *town
	random *rand.Rand
	people []*person
	pace   time.Duration
	number int

	count int
	// recent are the last messages of these people.
	recent []sent
	blocks []pair
}

type sent struct {
	by      *person
	message uuid.UUID
	count   int // of the edits
}

// write goes on until work ends; what is under way then is finished.
func (w *writer) write(ctx, work context.Context) {
	for due := time.Now(); rehearsal.Wait(work, time.Until(due)) == nil; {
		w.act(ctx)
		if due = due.Add(w.pace); time.Since(due) > time.Second {
			due = time.Now() // what was missed is not made up for
		}
	}
}

func (w *writer) act(ctx context.Context) {
	w.count++
	p := w.people[w.random.IntN(len(w.people))]
	switch n := w.random.IntN(100); {
	case n < 62 || len(w.recent) == 0:
		w.send(ctx, p)
	case n < 72:
		w.edit(ctx, w.random.IntN(len(w.recent)))
	case n < 76:
		w.delete(ctx, w.random.IntN(len(w.recent)))
	case n < 96:
		w.read(ctx, p)
	default:
		w.turn(ctx, p)
	}
}

// choose is a conversation of the person's; the large one not so often, since so many follow it.
func (w *writer) choose(p *person) *conversation {
	c := p.in[w.random.IntN(len(p.in))]
	if c == w.town.largest() && w.random.IntN(4) > 0 {
		c = p.in[w.random.IntN(len(p.in))]
	}
	return c
}

func (w *writer) send(ctx context.Context, p *person) {
	c := w.choose(p)
	key := fmt.Sprintf("%d of writer %d", w.count, w.number)
	at := sendKey{p.id, key}
	w.ledger.note(func() { w.ledger.sends[at] = &sending{} })
	body := key + ": Shall we meet for lunch at a quarter past twelve?"
	if w.random.IntN(50) == 0 {
		body += strings.Repeat(" There is so much to tell.", 100)
	}
	var answer struct {
		SendMessage struct {
			Message *struct {
				ID  relay.ID
				Seq int64
			}
		}
	}
	if !w.do(ctx, p, "sendMessage", "SendMessageInput", "message { id seq }",
		map[string]any{"conversationId": c.globalID, "body": body, "idempotencyKey": key}, &answer) {
		return
	}
	m := answer.SendMessage.Message
	if m == nil {
		w.refused()
		return
	}
	id, err := m.ID.Row(ent.MessagePrefix)
	if err != nil {
		w.fail(err)
		return
	}
	w.ledger.note(func() { *w.ledger.sends[at] = sending{message: id, seq: m.Seq, isAcked: true} })
	if w.recent = append(w.recent, sent{by: p, message: id}); len(w.recent) > 20 {
		w.recent = w.recent[1:]
	}
}

func (w *writer) edit(ctx context.Context, i int) {
	m := &w.recent[i]
	m.count++
	body := fmt.Sprintf("text %d of %s", m.count, m.message)
	e := w.editing(m.message)
	w.ledger.note(func() { e.bodies = append(e.bodies, body) })
	var answer struct {
		EditMessage struct {
			Message    *struct{ Body *string }
			UserErrors []struct{ Code string }
		}
	}
	if !w.do(ctx, m.by, "editMessage", "EditMessageInput", "message { body } userErrors { code }",
		map[string]any{"messageId": relay.NewID(ent.MessagePrefix, m.message), "body": body}, &answer) {
		return
	}
	if len(answer.EditMessage.UserErrors) > 0 {
		w.refused() // the text stays among the tries: one before this one may have done it
		return
	}
	w.ledger.note(func() { e.acked = len(e.bodies) })
}

func (w *writer) delete(ctx context.Context, i int) {
	m := w.recent[i]
	e := w.editing(m.message)
	w.ledger.note(func() { e.isDeleted = true })
	w.recent = slices.Delete(w.recent, i, i+1)
	var answer struct {
		DeleteMessage struct{ Message *struct{ ID string } }
	}
	if !w.do(ctx, m.by, "deleteMessage", "DeleteMessageInput", "message { id }",
		map[string]any{"messageId": relay.NewID(ent.MessagePrefix, m.message)}, &answer) {
		return
	}
	if answer.DeleteMessage.Message == nil {
		w.refused()
		return
	}
	w.ledger.note(func() { e.deletionAcked = true })
}

func (w *writer) editing(message uuid.UUID) *editing {
	w.ledger.mu.Lock()
	defer w.ledger.mu.Unlock()
	if w.ledger.edits[message] == nil {
		w.ledger.edits[message] = &editing{}
	}
	return w.ledger.edits[message]
}

func (w *writer) read(ctx context.Context, p *person) {
	c := p.in[w.random.IntN(len(p.in))]
	var answer struct {
		MarkConversationRead struct {
			Conversation *struct{ ReadThroughSeq int64 }
		}
	}
	if !w.do(ctx, p, "markConversationRead", "MarkConversationReadInput", "conversation { readThroughSeq }",
		map[string]any{"conversationId": c.globalID}, &answer) {
		return
	}
	if answer.MarkConversationRead.Conversation == nil {
		w.refused()
		return
	}
	w.ledger.note(func() {
		at := place{p.id, c.id}
		w.ledger.reads[at] = max(w.ledger.reads[at], answer.MarkConversationRead.Conversation.ReadThroughSeq)
	})
}

// turn blocks somebody of a conversation, or takes a block back: more than two that stand at once would
// silence too many.
func (w *writer) turn(ctx context.Context, p *person) {
	if len(w.blocks) > 1 || len(w.blocks) > 0 && w.random.IntN(2) == 0 {
		of := w.blocks[0]
		w.blocks = w.blocks[1:]
		w.stand(ctx, of, false)
		return
	}
	c := p.in[w.random.IntN(len(p.in))]
	if other := c.members[w.random.IntN(len(c.members))]; other != p {
		of := pair{p.id, other.id}
		if !slices.Contains(w.blocks, of) {
			w.blocks = append(w.blocks, of)
			w.stand(ctx, of, true)
		}
	}
}

func (w *writer) stand(ctx context.Context, of pair, blocks bool) {
	by := w.people[slices.IndexFunc(w.people, func(p *person) bool { return p.id == of.blocker })]
	w.ledger.note(func() { w.ledger.stands[of] = standing{} })
	name, input := "unblock", "UnblockInput"
	if blocks {
		name, input = "block", "BlockInput"
	}
	var answer map[string]struct{ UserErrors []struct{ Code string } }
	if !w.do(ctx, by, name, input, "userErrors { code }",
		map[string]any{"profileId": relay.NewID(ent.ProfilePrefix, of.blocked)}, &answer) {
		return
	}
	if len(answer[name].UserErrors) > 0 {
		w.refused()
		return
	}
	w.ledger.note(func() { w.ledger.stands[of] = standing{blocks, true} })
}

// do asks until there is an answer, as a client does, each time another node if it can.
func (w *writer) do(ctx context.Context, p *person, name, input, fields string, variables map[string]any, answer any) bool {
	query := fmt.Sprintf("mutation ($in: %s!) { %s(input: $in) { %s } }", input, name, fields)
	began := time.Now()
	var last *rehearsal.Node
	var err error
	for try := range tries {
		if try > 0 && rehearsal.Wait(ctx, 50*time.Millisecond<<(try-1)) != nil {
			break
		}
		last, err = w.fleet.AskOnce(ctx, last, p.token, query, map[string]any{"in": variables}, answer)
		if err == nil {
			w.ledger.note(func() {
				w.ledger.acked++
				if try > 0 {
					w.ledger.retried++
				}
				w.ledger.longest = max(w.ledger.longest, time.Since(began))
			})
			return true
		}
		if !rehearsal.IsLost(err) {
			break
		}
	}
	w.fail(fmt.Errorf("%s: %w", name, err))
	return false
}

func (w *writer) fail(err error) {
	w.ledger.note(func() { w.ledger.failed = append(w.ledger.failed, err) })
}

// refused notes an answer that is none of the writer's doing: a block stands.
func (w *writer) refused() { w.ledger.note(func() { w.ledger.refused++ }) }
