package messaging

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/ent/conversation"
	"github.com/convenehq/convene/ent/conversationentry"
	entcurtain "github.com/convenehq/convene/ent/curtain"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/telemetry"
	"github.com/convenehq/convene/internal/viewer"
)

// A Notice is what has to be announced once a transaction has committed.
type Notice struct {
	key     live.Key
	updates []live.Update
	signals []live.Signal
}

// Announce publishes notices after their commit.
func (s *Service) Announce(notices []Notice) {
	for _, n := range notices {
		s.hub.Publish(n.key, n.updates...)
		for _, sig := range n.signals {
			s.hub.Signal(n.key, sig)
		}
	}
}

// Part takes note of a first block between two people, in the block's own transaction, whose account
// locks the caller holds. It waits for messages on their way in the conversations that both are in, and
// draws a curtain in those they share with others. In their direct conversation the lock is enough: what
// is sent after it is refused.
func (s *Service) Part(ctx context.Context, tx *ent.Tx, a, b uuid.UUID) ([]Notice, error) {
	return s.eachShared(ctx, tx, a, b, conversationentry.KindCURTAIN_DRAWN, drawCurtain)
}

// Rejoin takes note that no block stands any longer between two people. What was written behind the
// curtain stays there.
func (s *Service) Rejoin(ctx context.Context, tx *ent.Tx, a, b uuid.UUID) ([]Notice, error) {
	return s.eachShared(ctx, tx, a, b, conversationentry.KindCURTAIN_LIFTED, liftCurtain)
}

// A movement is what is written of a curtain that moves.
type movement func(ctx context.Context, tx *ent.Tx, conversation uuid.UUID, seq int64, lower, upper uuid.UUID) error

func drawCurtain(ctx context.Context, tx *ent.Tx, conversation uuid.UUID, seq int64, lower, upper uuid.UUID) error {
	return tx.Curtain.Create().SetConversationID(conversation).SetLowerID(lower).SetUpperID(upper).SetFromSeq(seq).Exec(ctx)
}

func liftCurtain(ctx context.Context, tx *ent.Tx, conversation uuid.UUID, seq int64, lower, upper uuid.UUID) error {
	return tx.Curtain.Update().Where(
		entcurtain.ConversationID(conversation), entcurtain.LowerID(lower), entcurtain.UpperID(upper), entcurtain.UntilSeqIsNil(),
	).SetUntilSeq(seq).Exec(ctx)
}

// eachShared locks the conversations that two people share, in the order of their ids, and does in each
// that has others in it what comes with a hidden number.
func (s *Service) eachShared(
	ctx context.Context, tx *ent.Tx, a, b uuid.UUID, kind conversationentry.Kind, do movement,
) ([]Notice, error) {
	ctx = viewer.AsSystem(ctx, "draw or lift a curtain between two people")
	if bytes.Compare(a[:], b[:]) > 0 {
		a, b = b, a
	}
	shared, err := lockShared(ctx, tx, a, b)
	if err != nil {
		return nil, err
	}
	// Whom nobody saw must not be told to have gone: that would tell of the block.
	parting, err := s.parting(ctx, a, b, kind == conversationentry.KindCURTAIN_DRAWN)
	if err != nil {
		return nil, err
	}
	var notices []Notice
	for _, c := range shared {
		n := Notice{key: streamOf(c.id)}
		for _, sig := range parting {
			if c.isSmall && (sig.Author == a && c.showsA || sig.Author == b && c.showsB) {
				n.signals = append(n.signals, sig)
			}
		}
		if c.kind == conversation.KindDIRECT {
			notices = append(notices, n)
			continue
		}
		u, err := moveCurtain(ctx, tx, c.id, kind, a, b, do)
		if err != nil {
			return nil, err
		}
		n.updates = []live.Update{u}
		notices = append(notices, n)
	}
	return notices, nil
}

// moveCurtain moves a curtain in a conversation, with a hidden number.
func moveCurtain(
	ctx context.Context, tx *ent.Tx, conversation uuid.UUID, kind conversationentry.Kind, lower, upper uuid.UUID, do movement,
) (live.Update, error) {
	seq, err := takeNumber(ctx, tx, conversation)
	if err != nil {
		return live.Update{}, err
	}
	if err := do(ctx, tx, conversation, seq, lower, upper); err != nil {
		return live.Update{}, fmt.Errorf("move a curtain: %w", err)
	}
	err = tx.ConversationEntry.Create().SetConversationID(conversation).SetSeq(seq).SetKind(kind).
		SetLowerID(lower).SetUpperID(upper).Exec(ctx)
	if err != nil {
		return live.Update{}, fmt.Errorf("log a curtain: %w", err)
	}
	u, err := entry{Kind: kind.String(), Lower: lower, Upper: upper}.update(seq)
	if err != nil {
		return live.Update{}, err
	}
	u.Trace = telemetry.Collected(ctx)
	return u, nil
}

type sharedConversation struct {
	id      uuid.UUID
	kind    conversation.Kind
	isSmall bool
	// showsA and showsB tell which of the two the others see online.
	showsA, showsB bool
}

func lockShared(ctx context.Context, tx *ent.Tx, a, b uuid.UUID) ([]sharedConversation, error) {
	shows := func(who string) string {
		return `EXISTS (SELECT 1 FROM conversation_members me WHERE me.conversation_id = c.id AND me.account_id = ` + who + ` AND ` + showsSelf("me") + `)`
	}
	rows, err := tx.QueryContext(ctx, `
SELECT c.id, c.kind, `+strings.ReplaceAll(isSmall, "me.conversation_id", "c.id")+`, `+shows("$1")+`, `+shows("$2")+` FROM conversations c
WHERE EXISTS (SELECT 1 FROM conversation_members m WHERE m.conversation_id = c.id AND m.account_id = $1)
	AND EXISTS (SELECT 1 FROM conversation_members m WHERE m.conversation_id = c.id AND m.account_id = $2)
ORDER BY c.id FOR NO KEY UPDATE`, a, b)
	if err != nil {
		return nil, fmt.Errorf("lock the shared conversations: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var shared []sharedConversation
	for rows.Next() {
		var c sharedConversation
		if err := rows.Scan(&c.id, &c.kind, &c.isSmall, &c.showsA, &c.showsB); err != nil {
			return nil, fmt.Errorf("read a shared conversation: %w", err)
		}
		shared = append(shared, c)
	}
	return shared, rows.Err()
}
