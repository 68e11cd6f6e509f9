package db_test

import (
	"fmt"
	"testing"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"github.com/convenehq/convene/internal/db"
)

func TestIsUnavailable(t *testing.T) {
	t.Parallel()
	for code, want := range map[pqerror.Code]bool{
		"57P01": true,  // the administrator stopped it
		"57P03": true,  // it is starting up
		"08006": true,  // the connection broke
		"53100": true,  // the disk is full
		"53300": true,  // no connection is left
		"25006": true,  // it is a standby
		"57014": false, // the statement was cancelled: that is a timeout
		"23505": false, // a key exists
		"42P01": false, // a table does not: a mistake of ours
	} {
		if got := db.IsUnavailable(fmt.Errorf("write: %w", &pq.Error{Code: code})); got != want {
			t.Errorf("%s: got %v", code, got)
		}
	}
}
