package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"

	"github.com/lib/pq"
)

// IsUnavailable tells whether an error means that PostgreSQL is away, starting, stopping or full: the
// same request may succeed in a while.
func IsUnavailable(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var pqErr *pq.Error
	if errors.As(err, &pqErr) {
		switch pqErr.Code {
		case "57P01", "57P02", "57P03", // shut down, crashed, starting up
			"25006": // read-only: a standby, until a failover is through
			return true
		}
		class := pqErr.Code.Class()
		return class == "08" || class == "53" // the connection broke; the disk, memory or connections are used up
	}
	var netErr *net.OpError
	return errors.As(err, &netErr) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// IsTimeout tells whether an error means that the time for it was up, or its asker gone. lib/pq says so in
// PostgreSQL's words, not in the context's.
func IsTimeout(err error) bool {
	var pqErr *pq.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		errors.As(err, &pqErr) && pqErr.Code == "57014"
}

// IsUnique tells whether an error means that a row with the same key exists; index names the constraint
// or is empty for any.
func IsUnique(err error, index string) bool {
	var pqErr *pq.Error
	return errors.As(err, &pqErr) && pqErr.Code == "23505" && (index == "" || pqErr.Constraint == index)
}

// IsDeadlock tells whether PostgreSQL gave the transaction up in favour of another: trying again is right.
func IsDeadlock(err error) bool {
	var pqErr *pq.Error
	return errors.As(err, &pqErr) && (pqErr.Code == "40P01" || pqErr.Code == "40001")
}

// IsLocked tells whether an error means that a lock was not to be had within lock_timeout.
func IsLocked(err error) bool {
	var pqErr *pq.Error
	return errors.As(err, &pqErr) && pqErr.Code == "55P03"
}
