package db

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"

	atlas "ariga.io/atlas/sql/schema"
	"entgo.io/ent/dialect/sql/schema"
)

// ent completes its table declarations in place, and they belong to the whole process: two comparisons
// at once would race for them.
var declarations sync.Mutex

// Drift is the SQL that would bring the database to what ent/schema declares: empty if the migrations
// agree with it. References, checks and indexes of expressions are the migrations'
// own and are left alone.
func (d *DB) Drift(ctx context.Context) (string, error) {
	declarations.Lock()
	defer declarations.Unlock()
	var out bytes.Buffer
	err := d.Ent.Schema.WriteTo(ctx, &out,
		schema.WithDropIndex(true), schema.WithDropColumn(true), schema.WithDiffHook(keepConstraints))
	if err != nil {
		return "", fmt.Errorf("compare the database with the schema: %w", err)
	}
	return out.String(), nil
}

func keepConstraints(next schema.Differ) schema.Differ {
	return schema.DiffFunc(func(current, desired *atlas.Schema) ([]atlas.Change, error) {
		changes, err := next.Diff(current, desired)
		if err != nil {
			return nil, err
		}
		kept := changes[:0]
		for _, change := range changes {
			table, ok := change.(*atlas.ModifyTable)
			if !ok {
				kept = append(kept, change)
				continue
			}
			some := table.Changes[:0]
			for _, c := range table.Changes {
				switch c := c.(type) {
				case *atlas.DropForeignKey, *atlas.DropCheck:
				case *atlas.DropIndex:
					if !slices.ContainsFunc(c.I.Parts, func(p *atlas.IndexPart) bool { return p.X != nil }) {
						some = append(some, c)
					}
				default:
					some = append(some, c)
				}
			}
			if table.Changes = some; len(some) > 0 {
				kept = append(kept, change)
			}
		}
		return kept, nil
	})
}
