package pages

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
)

// Person is a demo person that the pages offer to be.
type Person struct{ Username, DisplayName string }

//go:embed graphiql demo link mail shared
var files embed.FS

// GraphiQL serves GraphiQL and the links that sign in as one of the people; without people there are no
// links. Mount it at /graphiql and at /graphiql/.
func GraphiQL(people []Person) http.Handler {
	return site{
		policy: policy{styles: "'self' 'unsafe-inline'"},
		assets: load("/graphiql", render("graphiql/page.html", people), "graphiql", "shared"),
	}
}

// Demo serves the demo chat, in which everybody can be one of the people: it is for development only.
// Mount it at /demo/.
func Demo(people []Person) http.Handler {
	return site{
		// Nothing on this page makes markup or code of text, and the browser is told to hold it to that.
		policy: policy{styles: "'self'", extra: "; require-trusted-types-for 'script'; trusted-types 'none'"},
		assets: load("/demo", render("demo/page.html", people), "demo", "shared"),
	}
}

// render fills in a page once, at start. The templates are part of the binary: one that does not work is
// a mistake in the program, which the tests find.
func render(name string, data any) []byte {
	var page bytes.Buffer
	if err := template.Must(template.ParseFS(files, name)).Execute(&page, data); err != nil {
		panic(fmt.Errorf("render %s: %w", name, err))
	}
	return page.Bytes()
}
