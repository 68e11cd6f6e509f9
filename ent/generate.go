// Package ent reads and writes the entities of ent/schema in PostgreSQL, each under its own policy. It is
// generated but for what stands in schema, rule, visible, personal, template and migrate/migrations.
package ent

//go:generate go run -mod=mod entc.go
