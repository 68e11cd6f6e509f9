package fact

import (
	"context"
	"fmt"
	"time"

	"github.com/convenehq/convene/ent"
)

// MarkPublished notes when facts were put on their topics.
func MarkPublished(ctx context.Context, tx *ent.Tx, facts ...Fact) error {
	ids, days := make([]int64, len(facts)), make([]string, len(facts))
	for i, f := range facts {
		// The moment too: it tells in which partition the fact lies.
		ids[i], days[i] = f.ID, f.At.UTC().Format(time.RFC3339Nano)
	}
	_, err := tx.ExecContext(ctx, `
UPDATE facts f SET published_at = clock_timestamp()
FROM unnest($1::bigint[], $2::timestamptz[]) AS d (id, at) WHERE f.id = d.id AND f.at = d.at`, ids, days)
	if err != nil {
		return fmt.Errorf("note that facts were published: %w", err)
	}
	return nil
}
