package db

import (
	"context"
	"fmt"

	"github.com/convenehq/convene/ent"
)

// Epoch names this very history of the database. It changes when the database is restored from a backup,
// promoted from a replica, made anew, or given a new generation by hand: cursors from before say nothing
// about it then.
//
// A restore of data only, or of a volume's snapshot, leaves all of that as it was: that needs
// `convene admin new-epoch`.
func (d *DB) Epoch(ctx context.Context) (string, error) {
	const query = `
SELECT left(encode(sha256(convert_to(concat_ws('/',
	(SELECT system_identifier FROM pg_control_system()),
	(SELECT timeline_id FROM pg_control_checkpoint()),
	(SELECT oid FROM pg_database WHERE datname = current_database()),
	'conversations'::regclass::oid, 'messages'::regclass::oid, 'conversation_entries'::regclass::oid,
	(SELECT generation FROM stream_generation)
), 'UTF8')), 'hex'), 12)`
	var epoch string
	if err := d.SQL.QueryRowContext(ctx, query).Scan(&epoch); err != nil {
		return "", fmt.Errorf("read the epoch: %w", err)
	}
	return epoch, nil
}

// NewEpoch gives the database a new generation, so that every client that resumes is told to refetch. Who
// does it tells the audit log in the same unit of work.
func NewEpoch(ctx context.Context, tx *ent.Tx) error {
	if _, err := tx.ExecContext(ctx, "UPDATE stream_generation SET generation = gen_random_uuid()"); err != nil {
		return fmt.Errorf("write a new generation: %w", err)
	}
	return nil
}
