// Package config is every setting there is: one struct, read from the environment alone, each field with
// a default that works on a laptop. What is contradictory or unknown is refused in one sentence.
package config

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"reflect"
	"time"

	"github.com/caarlos0/env/v11"
)

// The environments there are.
const (
	Dev        = "dev"
	Production = "production"
)

// Load reads and checks the settings.
func Load() (Config, error) {
	c, err := env.ParseAs[Config]()
	if err != nil {
		return c, unreadable(err)
	}
	if err := unknown(os.Environ()); err != nil {
		return c, err
	}
	err = c.check(os.Getenv)
	c.Issuer = cmp.Or(c.URL, "convene")
	if c.URL == "" {
		c.URL = "http://" + c.Addr
	}
	if c.Links == "" {
		c.Links = c.URL + "/{kind}?token={token}"
	}
	if c.MailFrom == "" {
		c.MailFrom = "convene@" + mailDomain(c.URL)
	}
	if !c.IsProduction() {
		c.widen(os.Getenv)
	}
	if c.Log == "" {
		c.Log = map[bool]string{true: "json", false: "text"}[c.IsProduction()]
	}
	return c, err
}

// unreadable says of the first value that is of another type what it has to be.
func unreadable(err error) error {
	var wrong env.ParseError
	if !errors.As(err, &wrong) {
		return fmt.Errorf("the settings can not be read: %w", err)
	}
	field, _ := reflect.TypeFor[Config]().FieldByName(wrong.Name)
	name := field.Tag.Get("env")
	var want string
	switch {
	case wrong.Type == reflect.TypeFor[time.Duration]():
		want = "a time like 500ms, 10s or 1m30s"
	case wrong.Type.Kind() == reflect.Bool:
		want = "true or false"
	case wrong.Type.Kind() == reflect.Float64:
		want = "a number"
	default:
		want = "a whole number"
	}
	return fmt.Errorf("%s is %s and has to be %s", name, quote(field, os.Getenv(name)), want)
}

// quote is a setting's value as a sentence may show it.
func quote(field reflect.StructField, value string) string {
	if isSecret(field) {
		return hidden
	}
	return fmt.Sprintf("%q", hidePassword(value))
}
