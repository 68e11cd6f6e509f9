package wall

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/convenehq/convene/internal/fault"
)

// CheckVariables is as strict about the scalars and enums of variables as the specification: gqlparser takes "10" for
// an Int, red for RED, and a number's name for the number. Everything else that can be wrong is left to it.
func CheckVariables(schema *ast.Schema, op *ast.OperationDefinition, given map[string]any) *gqlerror.Error {
	c := strictness{schema: schema}
	for _, v := range op.VariableDefinitions {
		value, ok := given[v.Variable]
		if !ok {
			continue
		}
		if err := c.check(v.Type, value, ast.Path{ast.PathName("variable"), ast.PathName(v.Variable)}); err != nil {
			return err
		}
	}
	return nil
}

type strictness struct{ schema *ast.Schema }

func (c strictness) check(t *ast.Type, value any, at ast.Path) *gqlerror.Error {
	if value == nil {
		return nil
	}
	if t.Elem != nil {
		list, ok := value.([]any)
		if !ok {
			return c.check(t.Elem, value, at) // stands for a list of one
		}
		for i, element := range list {
			if err := c.check(t.Elem, element, append(slices.Clip(at), ast.PathIndex(i))); err != nil {
				return err
			}
		}
		return nil
	}
	def := c.schema.Types[t.NamedType]
	if def == nil {
		return nil
	}
	switch def.Kind {
	case ast.Enum:
		name, ok := value.(string)
		if !ok || def.EnumValues.ForName(name) == nil {
			return wrong(at, "not a valid "+def.Name)
		}
	case ast.Scalar:
		if want := mismatch(def.Name, value); want != "" {
			return wrong(at, want)
		}
	case ast.InputObject:
		object, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		for _, field := range def.Fields {
			inner, ok := object[field.Name]
			if !ok {
				continue
			}
			if err := c.check(field.Type, inner, append(slices.Clip(at), ast.PathName(field.Name))); err != nil {
				return err
			}
		}
	}
	return nil
}

// mismatch is what a scalar has to be, where a value is something else.
func mismatch(scalar string, value any) string {
	switch scalar {
	case "Int":
		if !isInt(value) {
			return "An Int is a whole number of 32 bits."
		}
	case "Float":
		switch v := value.(type) {
		case int64, float64:
		case json.Number:
			if f, err := v.Float64(); err != nil || math.IsInf(f, 0) {
				return "This number is too large for a Float."
			}
		default:
			return "A Float is a number."
		}
	case "String":
		if _, ok := value.(string); !ok {
			return "A String is wanted."
		}
	case "Boolean":
		if _, ok := value.(bool); !ok {
			return "A Boolean is true or false."
		}
	case "ID":
		switch v := value.(type) {
		case string, int64:
		case json.Number:
			if _, err := strconv.ParseInt(v.String(), 10, 64); err != nil {
				return "An ID is a string or a whole number."
			}
		default:
			return "An ID is a string or a whole number."
		}
	}
	return ""
}

// isInt takes 1e2 and 100.0 for the Int 100, as JSON has one kind of number; a document's own 1e2 is a Float.
func isInt(value any) bool {
	switch v := value.(type) {
	case int64:
		return v >= math.MinInt32 && v <= math.MaxInt32
	case float64:
		return v == math.Trunc(v) && v >= math.MinInt32 && v <= math.MaxInt32
	}
	return false // what JSON reads as json.Number has more than 64 bits
}

func wrong(at ast.Path, message string) *gqlerror.Error {
	return &gqlerror.Error{Message: message, Path: slices.Clone(at), Extensions: map[string]any{"code": fault.CodeValidationFailed}}
}
