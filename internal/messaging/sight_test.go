package messaging_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/message"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/messaging"
	"github.com/convenehq/convene/internal/viewer"
)

// What a person sees is said four times: by ent's policy, by the inbox's statement, by the stream's
// delivery, and here by a model. Whatever happens between people, the four agree.
func TestEveryWayShowsTheSame(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	worlds := 0
	rapid.Check(t, func(rt *rapid.T) {
		worlds++
		var people []uuid.UUID
		for i := range 4 {
			people = append(people, h.person(fmt.Sprint("person", worlds, "-", i)))
		}
		w := newWorld(h, people)
		for range rapid.IntRange(1, 14).Draw(rt, "actions") {
			w.act(rt)
		}
		for i := range people {
			w.compare(rt, i)
		}
		for i := range people {
			w.compareStream(rt, i)
		}
	})
}

// A world is a conversation of several people and the model of what each may see of it.
type world struct {
	h        *house
	people   []uuid.UUID
	c        *ent.Conversation
	said     []said
	changed  []changed
	blocks   map[[2]int]bool
	curtains map[[2]int][][2]int64 // by pair in order: from, until (0 while it hangs)
	joined   []int64
	read     []int64
}

type said struct {
	seq       int64
	author    int
	id        uuid.UUID
	texts     []wrote // in the order of writing
	isDeleted bool
}

// A wrote is a text with the number it was written with: that of the message, or of an edit.
type wrote struct {
	seq  int64
	body string
}

// changed is an edit or a deletion: its number, and that of the message.
type changed struct {
	what    string
	seq, of int64
	author  int
}

func newWorld(h *house, people []uuid.UUID) *world {
	c, err := h.messaging.Open(h.t.Context(), "world", people...)
	if err != nil {
		h.t.Fatal(err)
	}
	n := len(people)
	return &world{
		h: h, people: people, c: c, blocks: map[[2]int]bool{}, curtains: map[[2]int][][2]int64{},
		joined: make([]int64, n), read: make([]int64, n),
	}
}

func pair(a, b int) [2]int { return [2]int{min(a, b), max(a, b)} }

// head is the last number taken.
func (w *world) head() int64 {
	c, err := w.h.db.Ent.Conversation.Get(viewer.AsSystem(w.h.t.Context(), "the test's own look"), w.c.ID)
	if err != nil {
		w.h.t.Fatal(err)
	}
	return c.Seq
}

func (w *world) act(rt *rapid.T) {
	who := rapid.IntRange(0, len(w.people)-1).Draw(rt, "who")
	other := (who + rapid.IntRange(1, len(w.people)-1).Draw(rt, "other")) % len(w.people)
	switch rapid.SampledFrom([]string{"say", "say", "say", "block", "unblock", "read", "edit", "edit", "delete", "join"}).Draw(rt, "action") {
	case "say":
		body := fmt.Sprint(who, " says ", len(w.said))
		m := w.h.send(w.people[who], in(w.c.ID, body))
		w.said = append(w.said, said{m.Seq, who, m.ID, []wrote{{m.Seq, body}}, false})
		w.read[who] = m.Seq
	case "block":
		stood := w.blocks[[2]int{who, other}] || w.blocks[[2]int{other, who}]
		w.h.block(w.people[who], w.people[other])
		w.blocks[[2]int{who, other}] = true
		if !stood {
			w.curtains[pair(who, other)] = append(w.curtains[pair(who, other)], [2]int64{w.head(), 0})
		}
	case "unblock":
		w.unblock(who, other)
	case "read":
		if w.head() > w.read[who] {
			w.read[who] = w.head()
		}
		_, err := w.h.messaging.MarkRead(w.h.as(w.people[who]), messaging.MarkConversationReadInput{ConversationID: w.c.GlobalID()})
		if err != nil {
			rt.Fatal(err)
		}
	case "delete":
		for i := range w.said {
			if w.said[i].author == who && !w.said[i].isDeleted && w.said[i].seq > w.joined[who] {
				_, err := w.h.messaging.Delete(w.h.as(w.people[who]), messaging.DeleteMessageInput{MessageID: (&ent.Message{ID: w.said[i].id}).GlobalID()})
				if err != nil {
					rt.Fatal(err)
				}
				w.said[i].isDeleted = true
				w.changed = append(w.changed, changed{"deleted", w.head(), w.said[i].seq, who})
				return
			}
		}
	case "edit":
		for i, s := range w.said {
			if s.author == who && !s.isDeleted && s.seq > w.joined[who] {
				body := fmt.Sprint("edit ", len(w.changed))
				_, err := w.h.messaging.Edit(w.h.as(w.people[who]), messaging.EditMessageInput{
					MessageID: (&ent.Message{ID: s.id}).GlobalID(), Body: body,
				})
				if err != nil {
					rt.Fatal(err)
				}
				w.said[i].texts = append(w.said[i].texts, wrote{w.head(), body})
				w.changed = append(w.changed, changed{"edited", w.head(), s.seq, who})
				return
			}
		}
	case "join":
		// Having joined only now: nothing from before is theirs to see.
		w.joined[who] = w.head()
		_, err := w.h.db.SQL.Exec("UPDATE conversation_members SET joined_seq = $1 WHERE conversation_id = $2 AND account_id = $3",
			w.joined[who], w.c.ID, w.people[who])
		if err != nil {
			rt.Fatal(err)
		}
	}
}

func (w *world) unblock(who, other int) {
	w.h.unblock(w.people[who], w.people[other])
	stood := w.blocks[[2]int{who, other}]
	delete(w.blocks, [2]int{who, other})
	if hung := w.curtains[pair(who, other)]; stood && !w.blocks[[2]int{other, who}] {
		hung[len(hung)-1][1] = w.head()
	}
}

// visible is what the model lets a person see.
func (w *world) visible(who int) []said {
	var out []said
	for _, s := range w.said {
		if w.sees(who, s.author, s.seq) {
			out = append(out, s)
		}
	}
	return out
}

// sees is whether a person sees what an author did with a number.
func (w *world) sees(who, author int, seq int64) bool {
	if seq <= w.joined[who] {
		return false
	}
	for _, c := range w.curtains[pair(who, author)] {
		if author != who && seq > c[0] && (c[1] == 0 || seq < c[1]) {
			return false
		}
	}
	return true
}

// reads is the text that a person sees of a message: the latest that nothing hides from them.
func (w *world) reads(who int, s said) string {
	body := ""
	for _, t := range s.texts {
		if w.sees(who, s.author, t.seq) {
			body = t.body
		}
	}
	if s.isDeleted {
		return "(deleted)"
	}
	return body
}

// shows is the text of a message as somebody was given it.
func shows(m *ent.Message) string {
	if m.Body == nil {
		return "(deleted)"
	}
	return *m.Body
}

func (w *world) compare(rt *rapid.T, who int) {
	ctx := w.h.as(w.people[who])
	var want []string
	unread, last := 0, uuid.Nil
	var texts []string
	for _, s := range w.visible(who) {
		word := fmt.Sprint(s.seq, " ", s.isDeleted)
		want = append(want, word)
		last = s.id
		texts = append(texts, w.reads(who, s))
		if s.author != who && !s.isDeleted && s.seq > w.read[who] {
			unread++
		}
	}
	rows, err := w.h.db.Ent.Message.Query().Where(message.ConversationID(w.c.ID)).Order(message.BySeq()).All(ctx)
	if err != nil {
		rt.Fatal(err)
	}
	var policy []string
	for _, m := range rows {
		policy = append(policy, fmt.Sprint(m.Seq, " ", m.DeletedAt != nil))
	}
	if strings.Join(policy, "|") != strings.Join(want, "|") {
		rt.Fatalf("%d: the policy shows %v, the model %v", who, policy, want)
	}
	if got := w.h.history(w.people[who], w.c.ID); strings.Join(got, "|") != strings.Join(texts, "|") {
		rt.Fatalf("%d: history reads %q, the model %q", who, got, texts)
	}
	c, err := w.h.messaging.Conversation(ctx, w.c.ID)
	if err != nil {
		rt.Fatal(err)
	}
	gotLast, err := w.h.messaging.LastMessage(ctx, c)
	if err != nil {
		rt.Fatal(err)
	}
	if gotLast == nil != (last == uuid.Nil) || gotLast != nil && gotLast.ID != last {
		rt.Fatalf("%d: the inbox's last message is %v, the model's %v", who, gotLast, last)
	}
	if gotLast != nil && shows(gotLast) != texts[len(texts)-1] {
		rt.Fatalf("%d: the inbox's last message reads %q, the model's %q", who, shows(gotLast), texts[len(texts)-1])
	}
	if n, err := w.h.messaging.UnreadCount(ctx, c); err != nil || n != unread {
		rt.Fatalf("%d: the inbox counts %d unread, the model %d (%v)", who, n, unread, err)
	}
	inbox, err := w.h.messaging.Inbox(ctx, 1, nil)
	if err != nil {
		rt.Fatal(err)
	}
	isFirst := len(inbox.Edges) == 1 && inbox.Edges[0].Node.ID == w.c.ID
	if isFirst != (last != uuid.Nil) && last != uuid.Nil {
		rt.Fatalf("%d: the inbox does not begin with the latest conversation", who)
	}
}

func (w *world) compareStream(rt *rapid.T, who int) {
	all := slices.Clone(w.changed)
	for _, s := range w.said {
		all = append(all, changed{"sent", s.seq, s.seq, s.author})
	}
	slices.SortFunc(all, func(a, b changed) int { return cmp.Compare(a.seq, b.seq) })
	var want []string
	for _, c := range all {
		// Neither a message that is not to be seen nor what becomes of it. That a text is gone is told whatever hangs
		// there by then: history and inbox do not show it any more either.
		if w.sees(who, c.author, c.of) && (c.what == "deleted" && c.seq > w.joined[who] || w.sees(who, c.author, c.seq)) {
			i := slices.IndexFunc(w.said, func(s said) bool { return s.seq == c.of })
			want = append(want, fmt.Sprint(c.what, " ", c.of, " ", w.reads(who, w.said[i])))
		}
	}
	if got := w.stream(who); strings.Join(got, "|") != strings.Join(want, "|") {
		rt.Fatalf("%d: the stream delivers %v, the model %v", who, got, want)
	}
}

// stream is which messages a replay from the beginning delivers.
func (w *world) stream(who int) []string {
	start := w.h.hub.Cursor(live.Key{Kind: messaging.StreamKind, ID: w.c.ID}, 0).String()
	// A last message by somebody whom everybody sees ends the replay.
	l := w.h.listen(w.people[who], w.c.ID, &start)
	defer l.cancel()
	end := w.h.send(w.people[who], in(w.c.ID, "end"))
	var got []string
	for {
		var what string
		var m *ent.Message
		switch u := l.next().(type) {
		case *messaging.MessageSent:
			what, m = "sent", u.Message
		case *messaging.MessageEdited:
			what, m = "edited", u.Message
		case *messaging.MessageDeleted:
			what, m = "deleted", u.Message
		default:
			continue
		}
		if m.ID == end.ID {
			return got
		}
		if w.isModelled(m.ID) {
			got = append(got, fmt.Sprint(what, " ", m.Seq, " ", shows(m)))
		}
	}
}

func (w *world) isModelled(id uuid.UUID) bool {
	for _, s := range w.said {
		if s.id == id {
			return true
		}
	}
	return false
}
