package arch_test

import (
	"os"
	"testing"

	"github.com/convenehq/convene/internal/arch"
)

// root is the top of the checkout, as seen from this package's folder.
const root = "../.."

func TestShape(t *testing.T) {
	t.Parallel()
	tree, err := arch.Load(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range arch.Rules {
		t.Run(rule.Name, func(t *testing.T) {
			t.Parallel()
			for _, v := range rule.Run(tree) {
				t.Error(v)
			}
		})
	}
}
