package transport

import (
	"context"
	"reflect"
	"slices"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/uuid"
)

// Of a person is what shows one: whoever has something between them and that person gets it rendered for themselves.
type ofPerson interface {
	// Person is the account.
	Person() uuid.UUID
}

// names are the people who stand in a result. They are noted where fields are resolved, by the type of what a resolver
// answers, so that no slice has to think of it.
type names struct {
	mu     sync.Mutex // fields are resolved at once
	people []uuid.UUID
}

func (n *names) clear() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.people = nil
}

func (n *names) all() []uuid.UUID {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.people
}

// noting notes the people in what each field of an execution answers.
func (n *names) noting(next graphql.FieldMiddleware) graphql.FieldMiddleware {
	return func(ctx context.Context, resolve graphql.Resolver) (any, error) {
		answer, err := next(ctx, resolve)
		switch who := answer.(type) {
		case nil, string, bool, int, *string:
		case ofPerson:
			if v := reflect.ValueOf(who); v.Kind() != reflect.Pointer || !v.IsNil() {
				n.note(who)
			}
		default:
			// A list of people, such as members.
			if v := reflect.ValueOf(answer); v.Kind() == reflect.Slice {
				for i := range v.Len() {
					if who, ok := v.Index(i).Interface().(ofPerson); ok {
						n.note(who)
					}
				}
			}
		}
		return answer, err
	}
}

func (n *names) note(who ofPerson) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if person := who.Person(); !slices.Contains(n.people, person) {
		n.people = append(n.people, person)
	}
}
