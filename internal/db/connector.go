package db

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"sync/atomic"

	"github.com/lib/pq"
)

// connector opens lib/pq connections with binary_parameters, which saves a round trip for each statement
// with parameters and works behind PgBouncer in transaction mode, and adds what lib/pq lacks for that.
type connector struct {
	*pq.Connector
	connected func()
	stated    func(text string)
}

func newConnector(url string, o Options) (connector, error) {
	cfg, err := pq.NewConfig(url)
	if err != nil {
		return connector{}, err
	}
	cfg.BinaryParameters = true
	if cfg.ApplicationName == "" {
		cfg.ApplicationName = "convene"
	}
	c, err := pq.NewConnectorConfig(cfg)
	return connector{c, o.Connected, o.Stated}, err
}

// Connect implements driver.Connector.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	raw, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	full, ok := raw.(pqConn)
	if !ok {
		return nil, fmt.Errorf("open a connection: lib/pq's %T lacks a method that this connector forwards", raw)
	}
	if c.connected != nil {
		c.connected()
	}
	return &conn{full, c.stated}, nil
}

// pqConn is what lib/pq's connection can do and database/sql asks for.
type pqConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.NamedValueChecker
	driver.Pinger
	driver.QueryerContext
	driver.SessionResetter
	driver.Validator
}

type conn struct {
	pqConn
	stated func(text string)
}

// CheckNamedValue sends JSON as text: with binary_parameters lib/pq would send the bytes as they are,
// which jsonb refuses because its binary form begins with a version number.
func (c *conn) CheckNamedValue(nv *driver.NamedValue) error {
	if raw, ok := nv.Value.(json.RawMessage); ok {
		nv.Value = string(raw)
		return nil
	}
	return c.pqConn.CheckNamedValue(nv)
}

// QueryContext counts and times the statement and runs it.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.count(ctx, query)
	ctx, s := begin(ctx, query)
	rows, err := c.pqConn.QueryContext(ctx, query, args)
	s.end(err)
	return rows, err
}

// ExecContext counts and times the statement and runs it.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.count(ctx, query)
	ctx, s := begin(ctx, query)
	result, err := c.pqConn.ExecContext(ctx, query, args)
	s.end(err)
	return result, err
}

// PrepareContext counts and times the statement and prepares it.
func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	c.count(ctx, query)
	ctx, s := begin(ctx, query)
	prepared, err := c.pqConn.PrepareContext(ctx, query)
	s.end(err)
	return prepared, err
}

// BeginTx times the beginning, and the end, of a transaction.
func (c *conn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	within, s := begin(ctx, "BEGIN")
	begun, err := c.pqConn.BeginTx(within, o)
	s.end(err)
	if err != nil {
		return nil, err
	}
	return tx{begun, ctx}, nil
}

type counterKey struct{}

// CountStatements returns a context whose statements are counted, and their number so far.
func CountStatements(ctx context.Context) (context.Context, *atomic.Int64) {
	n := &atomic.Int64{}
	return context.WithValue(ctx, counterKey{}, n), n
}

func (c *conn) count(ctx context.Context, text string) {
	if c.stated != nil {
		c.stated(text)
	}
	if n, ok := ctx.Value(counterKey{}).(*atomic.Int64); ok {
		n.Add(1)
	}
}
