package graph

import (
	"context"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/viewer"
)

// A finder finds those rows of one entity that the viewer may see.
type finder func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]relay.Node, error)

// finders are how nodes are found, by the prefix of their ids. Every entity with a global id is here; a
// test holds that.
func (r *Resolver) finders() map[string]finder {
	return map[string]finder{
		ent.AccountPrefix:      found(r.Accounts.ByIDs),
		ent.AuthSessionPrefix:  found(r.Accounts.SessionsByIDs),
		ent.ProfilePrefix:      found(r.Profiles.ByIDs),
		ent.BlockPrefix:        found(r.Network.ByIDs),
		ent.InvitePrefix:       found(r.Invites.ByIDs),
		ent.InviteCodePrefix:   found(r.Invites.CodesByIDs),
		ent.ConversationPrefix: found(r.Messaging.ConversationsByIDs),
		ent.MessagePrefix:      found(r.Messaging.ByIDs),
	}
}

// nodes finds the objects with the given ids, in their order; nil where there is none that the viewer may
// see. It asks once for each type, however many ids there are.
func (r *Resolver) nodes(ctx context.Context, ids []relay.ID) ([]relay.Node, error) {
	nodes := make([]relay.Node, len(ids))
	if viewer.From(ctx).Kind() != viewer.Person {
		return nodes, nil
	}
	wanted := map[string][]uuid.UUID{}
	for _, id := range ids {
		if prefix, row, ok := id.Split(); ok {
			wanted[prefix] = append(wanted[prefix], row)
		}
	}
	finders := r.finders()
	seen := map[relay.ID]relay.Node{}
	for prefix, rows := range wanted {
		find, ok := finders[prefix]
		if !ok {
			continue
		}
		some, err := find(ctx, rows)
		if err != nil {
			return nil, err
		}
		for row, node := range some {
			seen[relay.NewID(prefix, row)] = node
		}
	}
	for i, id := range ids {
		nodes[i] = seen[id]
	}
	return nodes, nil
}

// found makes a finder of a slice's own.
func found[E relay.Node](byIDs func(context.Context, []uuid.UUID) (map[uuid.UUID]E, error)) finder {
	return func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]relay.Node, error) {
		rows, err := byIDs(ctx, ids)
		nodes := make(map[uuid.UUID]relay.Node, len(rows))
		for id, row := range rows {
			nodes[id] = row
		}
		return nodes, err
	}
}
