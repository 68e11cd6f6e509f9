package wall

import (
	"cmp"
	"slices"

	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/core"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// mostErrors is how many faults of a document are told: each further one would cost time and say little.
const mostErrors = 5

// Rules are those of the GraphQL specification. The silent ones do not suggest what a client may have meant, since
// suggestions are the schema, word by word.
type Rules []Rule

// A Rule is one of them.
type Rule = core.Rule

// NewRules makes them.
func NewRules(suggests bool) Rules {
	all := rules.NewDefaultRules()
	if !suggests {
		for loud, silent := range map[string]core.Rule{
			rules.FieldsOnCorrectTypeRule.Name: rules.FieldsOnCorrectTypeRuleWithoutSuggestions,
			rules.KnownArgumentNamesRule.Name:  rules.KnownArgumentNamesRuleWithoutSuggestions,
			rules.KnownTypeNamesRule.Name:      rules.KnownTypeNamesRuleWithoutSuggestions,
			rules.ScalarLeafsRule.Name:         rules.ScalarLeafsRuleWithoutSuggestions,
			rules.ValuesOfCorrectTypeRule.Name: rules.ValuesOfCorrectTypeRuleWithoutSuggestions,
		} {
			all.RemoveRule(loud)
			all.AddRule(silent.Name, silent.RuleFunc)
		}
	}
	var r Rules
	for name, rule := range all.GetInner() {
		if name == mergeRule.Name {
			rule = mergeRule.RuleFunc
		}
		r = append(r, core.Rule{Name: name, RuleFunc: rule})
	}
	slices.SortFunc(r, func(a, b core.Rule) int { return cmp.Compare(a.Name, b.Name) })
	return r
}

// Validate holds a document that has passed the wall to the rules, and notes in it what its names mean.
func (r Rules) Validate(schema *ast.Schema, doc *ast.QueryDocument) (errs gqlerror.List) {
	observers := &validator.Events{}
	for _, rule := range r {
		rule.RuleFunc(observers, func(options ...core.ErrorOption) {
			if len(errs) == mostErrors {
				return
			}
			err := &gqlerror.Error{Rule: rule.Name}
			for _, option := range options {
				option(err)
			}
			if err.Extensions == nil {
				errcode.Set(err, errcode.ValidationFailed)
			}
			errs = append(errs, err)
		})
	}
	validator.Walk(schema, doc, observers)
	return errs
}
