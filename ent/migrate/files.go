// Package migrate has the versioned migrations, and the tables that ent/schema declares, to compare with.
package migrate

import "embed"

// Files are the versioned migrations, applied in the order of their numbers by internal/db.
//
//go:embed migrations/*.sql
var Files embed.FS
