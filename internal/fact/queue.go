package fact

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/convenehq/convene/ent"
)

// How much a batch takes: facts of each partition, bursts of all, and of both together. The last is less while
// batches take too long.
const batchFacts, batchBursts, batchMost = 128, 256, partitions*batchFacts + 256

// A claimed batch is what the holder of its partitions is to deal with, and what is left over.
type claimed struct {
	batch Batch
	// spent are bursts that have been taken whole and are still in the queue.
	spent []Burst
	more  rest
}

// rest is the partitions to look at again.
type rest struct {
	// now have more than a batch takes.
	now []int
	// busy are worked on by somebody else.
	busy []int
}

// claim locks partitions that nobody else works on, until the end of the transaction, and reads what comes
// next in each of them. What waits behind a parked fact is left out, and bursts that are to gather.
func (w *worker) claim(ctx context.Context, tx *ent.Tx, parts []int) (claimed, error) {
	rows, err := tx.QueryContext(ctx, `
SELECT partition FROM fact_claims WHERE consumer = $1 AND partition = ANY ($2::smallint[])
ORDER BY partition FOR UPDATE SKIP LOCKED`, w.Name, parts)
	if err != nil {
		return claimed{}, fmt.Errorf("claim partitions of the queue: %w", err)
	}
	held, err := ints(rows)
	if err != nil {
		return claimed{}, err
	}
	var c claimed
	c.more.busy = slices.DeleteFunc(slices.Clone(parts), func(p int) bool { return slices.Contains(held, p) })
	if len(held) == 0 {
		return c, nil
	}
	if err := w.readFacts(ctx, tx, held, &c); err != nil {
		return claimed{}, err
	}
	return c, w.readBursts(ctx, tx, held, &c)
}

func (w *worker) readFacts(ctx context.Context, tx *ent.Tx, held []int, c *claimed) error {
	// Whatever committed before the claim is in sight: this is a new statement.
	rows, err := tx.QueryContext(ctx, `
SELECT p.partition, f.id, f.at, f.kind, f.subject_id, f.actor_id, f.refs
FROM unnest($2::smallint[]) AS p (partition)
CROSS JOIN LATERAL (
	SELECT q.fact_id, q.fact_at FROM fact_queue q
	WHERE q.consumer = $1 AND q.partition = p.partition AND NOT EXISTS (
		SELECT 1 FROM fact_parked x WHERE x.consumer = q.consumer AND x.subject_id = q.subject_id AND x.next_at > now())
	ORDER BY q.fact_id LIMIT $3
) q
JOIN facts f ON f.id = q.fact_id AND f.at = q.fact_at
ORDER BY f.id LIMIT $4`, w.Name, held, batchFacts, w.most)
	if err != nil {
		return fmt.Errorf("read the queue: %w", err)
	}
	defer func() { _ = rows.Close() }()
	read, kept := map[int]int{}, map[int]int{}
	strange := map[uuid.UUID]bool{}
	all := 0
	for rows.Next() {
		var f Fact
		var part int
		var actor *uuid.UUID
		var refs []byte
		if err := rows.Scan(&part, &f.ID, &f.At, &f.Kind, &f.Subject, &actor, &refs); err != nil {
			return fmt.Errorf("read a fact: %w", err)
		}
		if err := json.Unmarshal(refs, &f.Refs); err != nil {
			return fmt.Errorf("read a fact: %w", err)
		}
		if actor != nil {
			f.Actor = *actor
		}
		read[part]++
		all++
		// What only newer nodes want to know of is left to them, with all that follows of its subject.
		if strange[f.Subject] = strange[f.Subject] || !w.wants(f.Kind); strange[f.Subject] {
			continue
		}
		kept[part]++
		c.batch.Facts = append(c.batch.Facts, f)
	}
	for part, n := range kept {
		if read[part] == batchFacts || all == w.most && n > 0 {
			c.more.now = append(c.more.now, part)
		}
	}
	return rows.Err()
}

func (w *worker) readBursts(ctx context.Context, tx *ent.Tx, held []int, c *claimed) error {
	limit := min(batchBursts, w.most-len(c.batch.Facts))
	if limit <= 0 {
		c.more.now = slices.Clone(held)
		return nil
	}
	// Read without a lock: who notes a burst never waits for a consumer's effects.
	rows, err := tx.QueryContext(ctx, `
SELECT b.kind, b.subject_id, b.person_id, greatest(b.since, t.through + 1), b.through
FROM fact_bursts b LEFT JOIN fact_bursts_taken t USING (consumer, kind, subject_id, person_id)
WHERE b.consumer = $1 AND b.partition = ANY ($2::smallint[]) AND b.kind = ANY ($5::text[]) AND b.subject_id <> ALL ($3::uuid[]) AND NOT EXISTS (
	SELECT 1 FROM fact_parked x WHERE x.consumer = b.consumer AND x.subject_id = b.subject_id AND x.next_at > now())
LIMIT $4`, w.Name, held, w.rested(), limit, w.Kinds)
	if err != nil {
		return fmt.Errorf("read the bursts: %w", err)
	}
	defer func() { _ = rows.Close() }()
	all := 0
	for ; rows.Next(); all++ {
		var b Burst
		if err := rows.Scan(&b.Kind, &b.Subject, &b.Person, &b.Since, &b.Through); err != nil {
			return fmt.Errorf("read a burst: %w", err)
		}
		if b.Since > b.Through {
			c.spent = append(c.spent, b)
			continue
		}
		c.batch.Bursts = append(c.batch.Bursts, b)
	}
	if all == limit {
		c.more.now = slices.Clone(held)
	}
	return rows.Err()
}

// remove takes a batch out of the queue, with its subjects' parking if there was any, and what is spent.
func (w *worker) remove(ctx context.Context, tx *ent.Tx, b Batch, spent []Burst) error {
	if b.IsEmpty() {
		return w.removeBursts(ctx, tx, spent)
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM fact_parked WHERE consumer = $1 AND subject_id = ANY ($2::uuid[]) AND next_at <= now()",
		w.Name, b.subjects())
	if err != nil {
		return fmt.Errorf("end the parking: %w", err)
	}
	if err := w.removeFacts(ctx, tx, b.Facts); err != nil {
		return err
	}
	return w.removeBursts(ctx, tx, slices.Concat(b.Bursts, spent))
}

func (w *worker) removeFacts(ctx context.Context, tx *ent.Tx, facts []Fact) error {
	if len(facts) == 0 {
		return nil
	}
	parts, ids := make([]int, len(facts)), make([]int64, len(facts))
	for i, f := range facts {
		parts[i], ids[i] = partitionOf(f.Subject), f.ID
	}
	_, err := tx.ExecContext(ctx, `
DELETE FROM fact_queue q USING unnest($2::smallint[], $3::bigint[]) AS d (partition, id)
WHERE q.consumer = $1 AND q.partition = d.partition AND q.fact_id = d.id`, w.Name, parts, ids)
	if err != nil {
		return fmt.Errorf("take facts out of the queue: %w", err)
	}
	return nil
}

// removeBursts is the last statement of its transaction: who adds to a burst that is on its way out waits for
// the commit and no longer. One that was added to meanwhile stays, with what was added; one that is being added
// to now stays whole, with a note beside it of how far it has been taken.
func (w *worker) removeBursts(ctx context.Context, tx *ent.Tx, bursts []Burst) error {
	n := len(bursts)
	if n == 0 {
		return nil
	}
	kinds, subjects, people, through := make([]string, n), make([]uuid.UUID, n), make([]uuid.UUID, n), make([]int64, n)
	for i, b := range bursts {
		kinds[i], subjects[i], people[i], through[i] = b.Kind, b.Subject, b.Person, b.Through
	}
	_, err := tx.ExecContext(ctx, `
WITH done AS MATERIALIZED (
	SELECT * FROM unnest($2::text[], $3::uuid[], $4::uuid[], $5::bigint[]) AS d (kind, subject_id, person_id, through)
), taken AS MATERIALIZED (
	SELECT b.kind, b.subject_id, b.person_id, b.through AS now, d.through
	FROM done d JOIN fact_bursts b ON b.consumer = $1 AND b.kind = d.kind AND b.subject_id = d.subject_id AND b.person_id = d.person_id
	FOR UPDATE OF b SKIP LOCKED
), gone AS (
	DELETE FROM fact_bursts b USING taken t
	WHERE b.consumer = $1 AND b.kind = t.kind AND b.subject_id = t.subject_id AND b.person_id = t.person_id AND t.now = t.through
), noted AS (
	INSERT INTO fact_bursts_taken (consumer, kind, subject_id, person_id, through)
	SELECT $1, d.kind, d.subject_id, d.person_id, d.through FROM done d
	WHERE NOT EXISTS (SELECT 1 FROM taken t WHERE t.kind = d.kind AND t.subject_id = d.subject_id AND t.person_id = d.person_id)
	ON CONFLICT (consumer, kind, subject_id, person_id) DO UPDATE SET through = excluded.through
), caught_up AS (
	DELETE FROM fact_bursts_taken n USING taken t
	WHERE n.consumer = $1 AND n.kind = t.kind AND n.subject_id = t.subject_id AND n.person_id = t.person_id
)
UPDATE fact_bursts b SET since = t.through + 1, at = now() FROM taken t
WHERE b.consumer = $1 AND b.kind = t.kind AND b.subject_id = t.subject_id AND b.person_id = t.person_id AND t.now > t.through`,
		w.Name, kinds, subjects, people, through)
	if err != nil {
		return fmt.Errorf("take bursts out of the queue: %w", err)
	}
	return nil
}

// enlist notes the consumers' interests and makes the rows by which partitions are claimed.
func (l *Log) enlist(ctx context.Context) error {
	for _, w := range l.consumers {
		_, err := l.db.SQL.ExecContext(ctx, `
WITH claims AS (
	INSERT INTO fact_claims (consumer, partition) SELECT $1, n FROM generate_series(0, $3::int - 1) n ON CONFLICT DO NOTHING
)
INSERT INTO fact_interests (kind, consumer) SELECT k, $1 FROM unnest($2::text[]) k ON CONFLICT DO NOTHING`, w.Name, w.Kinds, partitions)
		if err != nil {
			return fmt.Errorf("note the interests of %s: %w", w.Name, err)
		}
	}
	return nil
}

// withWork are the queues of this node's consumers that have something in them.
func (l *Log) withWork(ctx context.Context) ([]queue, error) {
	names := make([]string, 0, len(l.consumers))
	for name := range l.consumers {
		names = append(names, name)
	}
	rows, err := l.db.SQL.QueryContext(ctx, `
SELECT c.consumer, c.partition FROM fact_claims c
WHERE c.consumer = ANY ($1::text[]) AND (
	EXISTS (SELECT 1 FROM fact_queue q WHERE q.consumer = c.consumer AND q.partition = c.partition)
	OR EXISTS (SELECT 1 FROM fact_bursts b WHERE b.consumer = c.consumer AND b.partition = c.partition))`, names)
	if err != nil {
		return nil, fmt.Errorf("look which queues have work: %w", err)
	}
	return readQueues(rows)
}

func readQueues(rows *sql.Rows) ([]queue, error) {
	defer func() { _ = rows.Close() }()
	var all []queue
	for rows.Next() {
		var q queue
		if err := rows.Scan(&q.consumer, &q.partition); err != nil {
			return nil, fmt.Errorf("read which queues have work: %w", err)
		}
		all = append(all, q)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read which queues have work: %w", err)
	}
	return all, nil
}

func ints(rows *sql.Rows) ([]int, error) {
	defer func() { _ = rows.Close() }()
	var all []int
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			return nil, fmt.Errorf("read a partition: %w", err)
		}
		all = append(all, n)
	}
	return all, rows.Err()
}
