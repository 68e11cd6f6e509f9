package db

import (
	"context"
	"crypto/rand"
	"fmt"
)

// IsDevelopment tells whether the database has served development: then people are in it whose passwords
// everybody knows.
func (d *DB) IsDevelopment(ctx context.Context) (bool, error) {
	var is bool
	if err := d.SQL.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM dev_secret)").Scan(&is); err != nil {
		return false, fmt.Errorf("look whether the database has served development: %w", err)
	}
	return is, nil
}

// DevSecret is a secret that the nodes of a development database share, so that a second node accepts
// what the first one signed. It is made on first use. Production brings its own keys.
func (d *DB) DevSecret(ctx context.Context) ([]byte, error) {
	fresh := make([]byte, 32)
	_, _ = rand.Read(fresh) // never fails, see crypto/rand
	_, err := d.SQL.ExecContext(ctx, "INSERT INTO dev_secret (secret) VALUES ($1) ON CONFLICT DO NOTHING", fresh)
	if err != nil {
		return nil, fmt.Errorf("make the development secret: %w", err)
	}
	var secret []byte
	if err := d.SQL.QueryRowContext(ctx, "SELECT secret FROM dev_secret").Scan(&secret); err != nil {
		return nil, fmt.Errorf("read the development secret: %w", err)
	}
	return secret, nil
}
