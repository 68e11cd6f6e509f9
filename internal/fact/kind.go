package fact

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// A Kind is a kind of fact: an entry of the catalogue.
type Kind struct {
	// Name is dotted and in the past tense, such as "meetup.confirmed". It never changes once released.
	Name string
	// Subject is what the fact is about, as in the prefix of its global id; facts of one subject reach a consumer
	// in order.
	Subject string
	// Refs name the other ids that come with it.
	Refs []string
	// Says is what happened, in a sentence.
	Says string
	// By are the mutations that store it.
	By []string
	// IsBurst kinds are noted as bursts and not stored.
	IsBurst bool
	// Withheld is why facts of this kind may be on no topic; empty if they may.
	Withheld string
}

// A Fact is something that happened.
type Fact struct {
	// ID rises with the commits of its subject, and says nothing about other subjects. Zero until stored.
	ID int64
	// At is when the transaction that stored it began. Zero until stored.
	At time.Time
	// Kind is the name of its kind.
	Kind string
	// Subject is the row that it is about.
	Subject uuid.UUID
	// Actor is the account that did it; the zero id for the system and the operator.
	Actor uuid.UUID
	// Refs are other ids, by name.
	Refs map[string]uuid.UUID
}

// A Burst is what has happened to one thing up to a number, however often.
type Burst struct {
	// Kind is the name of its kind.
	Kind string
	// Subject is what it happened to.
	Subject uuid.UUID
	// Person is whom alone it concerns; the zero id for everybody.
	Person uuid.UUID
	// Since and Through are the numbers of the first and of the last happening; they rise.
	Since, Through int64
}

// A Catalogue is all kinds there are.
type Catalogue map[string]Kind

var kindName = regexp.MustCompile(`^[a-z]+(\.[a-z]+(_[a-z]+)*)+$`)

// NewCatalogue puts the slices' kinds together. Kinds that contradict each other are a mistake in the code.
func NewCatalogue(slicesKinds ...[]Kind) Catalogue {
	c := Catalogue{}
	for _, k := range slices.Concat(slicesKinds...) {
		if _, twice := c[k.Name]; twice || !kindName.MatchString(k.Name) {
			panic(fmt.Sprintf("fact: the kind %q is declared twice, or is not called like meetup.confirmed", k.Name))
		}
		c[k.Name] = k
	}
	return c
}

// Kinds are the kinds in the order of their names.
func (c Catalogue) Kinds() []Kind {
	all := make([]Kind, 0, len(c))
	for _, k := range c {
		all = append(all, k)
	}
	slices.SortFunc(all, func(a, b Kind) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// check refuses what the catalogue does not have: a fact that nobody could look up.
func (c Catalogue) check(name string, isBurst bool, refs map[string]uuid.UUID) error {
	k, ok := c[name]
	if !ok || k.IsBurst != isBurst {
		return fmt.Errorf("the catalogue has no such kind as %q", name)
	}
	for ref := range refs {
		if !slices.Contains(k.Refs, ref) {
			return fmt.Errorf("facts of the kind %q have no %q", name, ref)
		}
	}
	if len(refs) != len(k.Refs) {
		return fmt.Errorf("a fact of the kind %q has %s", name, strings.Join(k.Refs, ", "))
	}
	return nil
}
