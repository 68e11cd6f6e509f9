package fact

import (
	"context"
	"fmt"
	"time"
)

// Stats is how a consumer stands.
type Stats struct {
	Consumer string
	// Depth is how many facts and bursts wait.
	Depth int64
	// Oldest is for how long the one that waits longest has waited.
	Oldest time.Duration
	// Parked is how many subjects have a parked fact.
	Parked int64
}

// Stats is how every consumer stands that has ever run.
func (l *Log) Stats(ctx context.Context) ([]Stats, error) {
	rows, err := l.db.SQL.QueryContext(ctx, `
SELECT c.consumer, coalesce(q.n, 0) + coalesce(b.n, 0),
	greatest(extract(epoch FROM now() - least(q.oldest, b.oldest)), 0)::float8, coalesce(p.n, 0)
FROM (SELECT DISTINCT consumer FROM fact_interests) c
LEFT JOIN (SELECT consumer, count(*) AS n, min(fact_at) AS oldest FROM fact_queue GROUP BY consumer) q USING (consumer)
LEFT JOIN (SELECT consumer, count(*) AS n, min(at) AS oldest FROM fact_bursts GROUP BY consumer) b USING (consumer)
LEFT JOIN (SELECT consumer, count(*) AS n FROM fact_parked GROUP BY consumer) p USING (consumer)
ORDER BY c.consumer`)
	if err != nil {
		return nil, fmt.Errorf("read how the consumers stand: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []Stats
	for rows.Next() {
		var s Stats
		var oldest *float64
		if err := rows.Scan(&s.Consumer, &s.Depth, &oldest, &s.Parked); err != nil {
			return nil, fmt.Errorf("read how a consumer stands: %w", err)
		}
		if oldest != nil {
			s.Oldest = time.Duration(*oldest * float64(time.Second))
		}
		all = append(all, s)
	}
	return all, rows.Err()
}
