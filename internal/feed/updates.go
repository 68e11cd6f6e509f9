package feed

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/live"
	"github.com/convenehq/convene/internal/viewer"
)

// Updates is the latest state of everything that changes for the viewer, behind a cursor or from now on.
func (s *Service) Updates(ctx context.Context, after *string) (<-chan Update, error) {
	me, err := viewer.Require(ctx)
	if err != nil {
		return nil, err
	}
	d := &decoder{subjects: s.subjects}
	wish := live.Wish[Update]{Key: streamOf(me), Account: me, Greets: true, Expect: d.expect, Decode: d.decode}
	if after != nil {
		cursor, err := s.hub.ParseCursor(wish.Key, *after)
		if err != nil {
			return nil, err
		}
		wish.After = &cursor
	}
	return live.Subscribe(ctx, s.hub, wish)
}

var errUnread = errors.New("what has changed was not read")

// A decoder turns items of a feed into what the subscription delivers. It reads what the next items show
// for all of them together; each subscription has one of its own.
type decoder struct {
	subjects map[string]Subject
	shown    map[uuid.UUID]Shown
}

// expect reads what the next items show; none lets go of what was read for the last.
func (d *decoder) expect(ctx context.Context, items []live.Item) error {
	ids := map[string][]uuid.UUID{}
	for _, item := range items {
		kind := string(item.Update.Data)
		ids[kind] = append(ids[kind], item.Update.Subject)
	}
	d.shown = nil
	if len(items) == 0 {
		return nil
	}
	all := make(map[uuid.UUID]Shown, len(items))
	for kind, of := range ids {
		subject, ok := d.subjects[kind]
		if !ok {
			continue // a newer node's; decode passes it over
		}
		shown, err := subject.Show(ctx, of)
		if err != nil {
			return fmt.Errorf("read what has changed: %w", err)
		}
		for _, id := range of {
			all[id] = shown[id] // nil for what is gone
		}
	}
	d.shown = all
	return nil
}

func (d *decoder) decode(item live.Item) (Update, error) {
	cursor := item.Cursor.String()
	switch item.Kind {
	case live.Moved:
		return &relay.CursorMoved{Cursor: cursor}, nil
	case live.Resync:
		return &relay.ResyncRequired{Reason: relay.ResyncReason(item.Reason), Cursor: cursor}, nil
	case live.Updated, live.Signalled: // nobody sends signals to a feed
	}
	subject, ok := d.subjects[string(item.Update.Data)]
	if !ok {
		// A node of a newer version wrote it, and one of that version will show it.
		return &relay.CursorMoved{Cursor: cursor}, nil
	}
	show, ok := d.shown[item.Update.Subject]
	if !ok {
		// What has not been looked for is not gone: the rendering was begun anew in the midst of a run.
		return nil, errUnread
	}
	if show != nil {
		return show(cursor), nil
	}
	return &SubjectGone{Cursor: cursor, ID: relay.NewID(subject.Prefix, item.Update.Subject)}, nil
}
