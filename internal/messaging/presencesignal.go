package messaging

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/profile"
)

// mostNewcomers is how many wait while nobody can tell. Who comes after them is told of changes alone.
const mostNewcomers = 100_000

// newcomers are the members whose subscriptions have begun since the last telling: they are told who is online.
type newcomers struct {
	mu  sync.Mutex
	all map[place]struct{}
}

// A place is somebody in a conversation.
type place struct{ conversation, account uuid.UUID }

func (n *newcomers) add(p place) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.all == nil {
		n.all = map[place]struct{}{}
	}
	if len(n.all) < mostNewcomers {
		n.all[p] = struct{}{}
	}
}

func (n *newcomers) take() []place {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := slices.Collect(maps.Keys(n.all))
	n.all = nil
	return all
}

// tellPresence tells who listens on this node who has come online or gone, and newcomers who is online. Every node
// does that for its own: it costs two statements for a thousand people or conversations, and nothing where nobody
// has come.
func (s *Service) tellPresence(ctx context.Context, changes map[uuid.UUID]bool) error {
	for some := range slices.Chunk(slices.Collect(maps.Keys(changes)), presenceAtOnce) {
		places, err := s.placesOf(ctx, some)
		if err != nil {
			return err
		}
		for some := range slices.Chunk(places, presenceAtOnce) {
			if err := s.signalPresence(ctx, some, changes); err != nil {
				return err
			}
		}
	}
	fresh := s.newcomers.take()
	for some := range slices.Chunk(fresh, presenceAtOnce) {
		if err := s.greet(ctx, some, changes); err != nil {
			for _, p := range fresh {
				s.newcomers.add(p)
			}
			return err
		}
	}
	return nil
}

// placesOf are the conversations of some people that somebody listens to here.
func (s *Service) placesOf(ctx context.Context, people []uuid.UUID) (places []place, err error) {
	rows, err := s.db.SQL.QueryContext(ctx, "SELECT conversation_id, account_id FROM conversation_members WHERE account_id = ANY ($1::uuid[])", people)
	if err != nil {
		return nil, fmt.Errorf("find who may know that somebody has come or gone: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var p place
		if err := rows.Scan(&p.conversation, &p.account); err != nil {
			return nil, fmt.Errorf("find who may know that somebody has come or gone: %w", err)
		}
		if s.hub.Listens(streamOf(p.conversation)) {
			places = append(places, p)
		}
	}
	return places, rows.Err()
}

// Some members of small conversations with their cards, and the others between whom and them a block stands.
var presenceSQL = `
SELECT me.conversation_id, me.account_id, p.username, p.display_name, p.hidden_at IS NOT NULL, ` + partedSQL + `
FROM unnest($1::uuid[], $2::uuid[]) AS k (conversation_id, account_id)
JOIN conversation_members me ON me.conversation_id = k.conversation_id AND me.account_id = k.account_id
JOIN profiles p ON p.id = me.account_id
WHERE ` + isSmall + ` AND ` + showsSelf("me")

func (s *Service) signalPresence(ctx context.Context, places []place, changes map[uuid.UUID]bool) error {
	conversations, accounts := columns(places)
	rows, err := s.db.SQL.QueryContext(ctx, presenceSQL, conversations, accounts)
	if err != nil {
		return fmt.Errorf("read who has come or gone: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var conversation uuid.UUID
		var ids []byte
		var isHidden bool
		card := &profile.ProfileCard{}
		if err := rows.Scan(&conversation, &card.Row, &card.Username, &card.DisplayName, &isHidden, &ids); err != nil {
			return fmt.Errorf("read who has come or gone: %w", err)
		}
		if isHidden && changes[card.Row] {
			continue // that they have gone is told: who knew of them would wait for it
		}
		var parted []uuid.UUID
		if err := json.Unmarshal(ids, &parted); err != nil {
			return fmt.Errorf("read who has come or gone: %w", err)
		}
		sig, err := presenceOf(card, changes[card.Row])
		if err != nil {
			return err
		}
		sig.Except = parted
		s.hub.SignalHere(streamOf(conversation), sig)
	}
	return rows.Err()
}

// greet tells members whose subscriptions have begun who is online, but for those of whom all are told now.
func (s *Service) greet(ctx context.Context, fresh []place, changes map[uuid.UUID]bool) error {
	conversations, accounts := columns(fresh)
	var all []near
	var others []uuid.UUID
	err := s.readNearby(ctx, conversations, accounts, func(n near) {
		if n.card != nil {
			all, others = append(all, n), append(others, n.card.Row)
		}
	})
	if err != nil {
		return err
	}
	online := s.presence.Told(others...)
	for _, n := range all {
		if !online[n.card.Row] || changes[n.card.Row] {
			continue
		}
		sig, err := presenceOf(n.card, true)
		if err != nil {
			return err
		}
		sig.To = []uuid.UUID{n.viewer}
		s.hub.SignalHere(streamOf(n.conversation), sig)
	}
	return nil
}

// parting is what two people are told when a block comes to stand between them, or none stands any longer: that the
// other is gone, or online. Gone looks the same whatever the reason.
func (s *Service) parting(ctx context.Context, a, b uuid.UUID, isParted bool) (signals []live.Signal, err error) {
	if s.presence == nil {
		return nil, nil
	}
	online := s.presence.Told(a, b)
	if len(online) == 0 {
		return nil, nil
	}
	cards, err := s.profiles.Cards(ctx, []uuid.UUID{a, b})
	if err != nil {
		return nil, err
	}
	for who, to := range map[uuid.UUID]uuid.UUID{a: b, b: a} {
		if !online[who] || cards[who] == nil {
			continue
		}
		sig, err := presenceOf(cards[who], !isParted)
		if err != nil {
			return nil, err
		}
		sig.To = []uuid.UUID{to}
		signals = append(signals, sig)
	}
	return signals, nil
}

func presenceOf(card *profile.ProfileCard, isOnline bool) (live.Signal, error) {
	data, err := json.Marshal(signal{Profile: card, IsOnline: isOnline})
	if err != nil {
		return live.Signal{}, fmt.Errorf("write a signal: %w", err)
	}
	return live.Signal{Name: signalPresence, Author: card.Row, Data: data}, nil
}

func columns(places []place) (conversations, accounts []uuid.UUID) {
	for _, p := range places {
		conversations, accounts = append(conversations, p.conversation), append(accounts, p.account)
	}
	return conversations, accounts
}
