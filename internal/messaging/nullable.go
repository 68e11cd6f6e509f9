package messaging

import (
	"database/sql/driver"
	"fmt"
)

// nullable is an element of an array parameter that may be NULL.
type nullable[T any] struct{ value *T }

// Value implements driver.Valuer.
func (n nullable[T]) Value() (driver.Value, error) {
	if n.value == nil {
		return nil, nil
	}
	return fmt.Sprint(*n.value), nil
}
