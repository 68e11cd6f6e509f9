package transport_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"
)

func TestEndRevoked(t *testing.T) {
	t.Parallel()
	adas := func(_ context.Context, ids []uuid.UUID) ([]uuid.UUID, error) {
		var gone []uuid.UUID
		for _, id := range ids {
			if id == ada.Session() {
				gone = append(gone, id)
			}
		}
		return gone, nil
	}

	t.Run("the sockets of a session that ended close with 4403, and no others", func(t *testing.T) {
		t.Parallel()
		f := serve(t)
		revoked, again, other, nobody := f.dial(t), f.dial(t), f.dial(t), f.ready(t)
		for who, c := range map[string]*client{"ada": revoked, "ada again": again, "bob": other} {
			c.send(`{"type":"connection_init","payload":{"authorization":"Bearer ` + who + `"}}`)
			c.want(`{"type":"connection_ack"}`)
		}
		if err := f.EndRevoked(t.Context(), adas); err != nil {
			t.Fatal(err)
		}
		revoked.wantClose(4403, "Session ended")
		for _, c := range []*client{again, other, nobody} {
			c.send(`{"type":"ping"}`)
			c.want(`{"type":"pong"}`)
		}
	})

	t.Run("without open connections nobody is asked", func(t *testing.T) {
		t.Parallel()
		f := serve(t)
		f.ready(t) // nobody's
		err := f.EndRevoked(t.Context(), func(context.Context, []uuid.UUID) ([]uuid.UUID, error) {
			return nil, errors.New("asked")
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
