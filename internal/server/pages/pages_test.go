package pages_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/convenehq/convene/internal/server/pages"
)

var people = []pages.Person{{"ada", "Ada Lovelace"}, {"grace", `Grace "Amazing" <Hopper>`}}

// Both sites, with what a browser can ask of them.
var sites = []struct {
	base    string
	folders []string
	handler http.Handler
}{
	{"/graphiql", []string{"graphiql", "shared"}, pages.GraphiQL(people)},
	{"/demo", []string{"demo", "shared"}, pages.Demo(people)},
}

func get(t *testing.T, h http.Handler, method, target string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// The digests of the files as the packages have them. A new version is a decision: take the files out of
// the packages, and change the digests, doc.go and LICENSES.txt in the same commit.
func TestVendoredFilesAreUnmodified(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"graphiql-4.1.2/graphiql.min.css":              "30487e07635d312a63f647b140d37740a73c53332b0975bf4b1fe985ca6ec885",
		"graphiql-4.1.2/graphiql.min.js":               "867226ba8af5ce7949903fc53932f78dac9f4bfc6cc8da0fd3869b8bc6c5256b",
		"react-18.2.0/react.production.min.js":         "4b4969fa4ef3594324da2c6d78ce8766fbbc2fd121fff395aedf997db0a99a06",
		"react-dom-18.2.0/react-dom.production.min.js": "21758ed084cd0e37e735722ee4f3957ea960628a29dfa6c3ce1a1d47a2d6e4f7",
	}
	page := get(t, sites[0].handler, "GET", "/graphiql").Body.String()
	for name, digest := range want {
		served := get(t, sites[0].handler, "GET", "/graphiql/npm/"+name).Body.Bytes()
		if sum := sha256.Sum256(served); hex.EncodeToString(sum[:]) != digest {
			t.Errorf("%s has the digest %x, the package's has %s", name, sum, digest)
		}
		if !strings.Contains(page, `"/graphiql/npm/`+name+`"`) {
			t.Errorf("the page does not load %s", name)
		}
	}
	for _, name := range filesIn(t, "graphiql/npm") {
		if name = strings.TrimPrefix(name, "graphiql/npm/"); want[name] == "" && name != "LICENSES.txt" {
			t.Errorf("%s is not among the files whose digests are known", name)
		}
	}
}

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"/graphiql": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; " +
			"connect-src 'self' ws://example.com wss://example.com; img-src 'self' data:; font-src 'self' data:; " +
			"frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
		"/demo": "default-src 'none'; script-src 'self'; style-src 'self'; " +
			"connect-src 'self' ws://example.com wss://example.com; img-src 'self' data:; font-src 'self' data:; " +
			"frame-ancestors 'none'; base-uri 'none'; form-action 'self'; " +
			"require-trusted-types-for 'script'; trusted-types 'none'",
	}
	for _, site := range sites {
		for _, target := range []string{site.base + "/", site.base + "/socket.js", site.base + "/missing"} {
			header := get(t, site.handler, "GET", target).Header()
			if got := header.Get("Content-Security-Policy"); got != want[site.base] {
				t.Errorf("%s: policy is\n%s\nwant\n%s", target, got, want[site.base])
			}
			for name, value := range map[string]string{
				"X-Content-Type-Options":       "nosniff",
				"X-Frame-Options":              "DENY",
				"Referrer-Policy":              "same-origin",
				"Cross-Origin-Opener-Policy":   "same-origin",
				"Cross-Origin-Resource-Policy": "same-origin",
			} {
				if got := header.Get(name); got != value {
					t.Errorf("%s: %s is %q, want %q", target, name, got, value)
				}
			}
		}
	}
}

func TestAStrangeHostDoesNotGetIntoThePolicy(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"127.0.0.1:8080":             "connect-src 'self' ws://127.0.0.1:8080 wss://127.0.0.1:8080;",
		"[::1]:8080":                 "connect-src 'self' ws://[::1]:8080 wss://[::1]:8080;",
		"x; script-src *":            "connect-src 'self';",
		"a.example b.example":        "connect-src 'self';",
		"*.example":                  "connect-src 'self';",
		"a.example\r\nSet-Cookie: a": "connect-src 'self';",
	} {
		r := httptest.NewRequest(http.MethodGet, "/demo/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		sites[1].handler.ServeHTTP(w, r)
		if got := w.Header().Get("Content-Security-Policy"); !strings.Contains(got, want) {
			t.Errorf("host %q: %s does not contain %s", host, got, want)
		}
	}
}

// Where a file may name another host: nowhere but in licences, in the files of others, and as the name
// of SVG's namespace, which nobody fetches.
var outside = regexp.MustCompile(`(?i)(https?:)?//[a-z0-9-]+\.[a-z0-9.-]+`)

func TestNothingOfOursNamesAnotherHost(t *testing.T) {
	t.Parallel()
	for _, site := range sites {
		for _, target := range targetsOf(t, site.base, site.folders) {
			if strings.Contains(target, "/npm/") {
				continue
			}
			body := strings.ReplaceAll(get(t, site.handler, "GET", target).Body.String(), `xmlns="http://www.w3.org/2000/svg"`, "")
			if found := outside.FindString(body); found != "" {
				t.Errorf("%s names %s", target, found)
			}
		}
	}
}

var inline = regexp.MustCompile(`(?i)<script[^>]*>[^<]|<style|\s(style|on[a-z]+)\s*=|javascript:`)

func TestThePagesHaveNoInlineCode(t *testing.T) {
	t.Parallel()
	for _, site := range sites {
		if found := inline.FindString(get(t, site.handler, "GET", site.base+"/").Body.String()); found != "" {
			t.Errorf("%s has %q, which its policy forbids", site.base, found)
		}
	}
}

var linked = regexp.MustCompile(`(?:src|href)="(/[^"?#]+)"|from '\./([^']+)'`)

func TestAllThatThePagesLoadIsThere(t *testing.T) {
	t.Parallel()
	for _, site := range sites {
		for _, target := range targetsOf(t, site.base, site.folders) {
			if strings.Contains(target, "/npm/") {
				continue
			}
			for _, match := range linked.FindAllStringSubmatch(get(t, site.handler, "GET", target).Body.String(), -1) {
				link := match[1]
				if link == "" {
					link = site.base + "/" + match[2]
				}
				if !strings.HasPrefix(link, site.base) {
					continue // The other page, or the server's sign-in.
				}
				if w := get(t, site.handler, "GET", link); w.Code != http.StatusOK {
					t.Errorf("%s loads %s, which answers %d", target, link, w.Code)
				}
			}
		}
	}
}

func TestPeopleAreOffered(t *testing.T) {
	t.Parallel()
	for i, link := range []string{`href="/dev/sign-in?as=ada&amp;to=/graphiql"`, `href="/demo/?as=ada"`} {
		page := get(t, sites[i].handler, "GET", sites[i].base+"/").Body.String()
		for _, want := range []string{link, ">Ada Lovelace<", "Grace &#34;Amazing&#34; &lt;Hopper&gt;"} {
			if !strings.Contains(page, want) {
				t.Errorf("%s does not contain %s", sites[i].base, want)
			}
		}
	}
	if page := get(t, pages.GraphiQL(nil), "GET", "/graphiql").Body.String(); strings.Contains(page, "/dev/sign-in") {
		t.Error("GraphiQL offers to sign in where there are no demo people")
	}
}

func TestBrowsersKeepWhatHasNotChanged(t *testing.T) {
	t.Parallel()
	for _, site := range sites {
		for _, target := range targetsOf(t, site.base, site.folders) {
			first := get(t, site.handler, "GET", target)
			etag := first.Header().Get("ETag")
			if first.Code != http.StatusOK || etag == "" || first.Header().Get("Content-Type") == "" {
				t.Errorf("%s: %d, ETag %q, type %q", target, first.Code, etag, first.Header().Get("Content-Type"))
			}
			if again := get(t, site.handler, "GET", target, "If-None-Match", etag); again.Code != http.StatusNotModified || again.Body.Len() > 0 {
				t.Errorf("%s: %d with %d bytes for the same ETag", target, again.Code, again.Body.Len())
			}
			want := "no-cache"
			if strings.Contains(target, "/npm/") && !strings.HasSuffix(target, ".txt") {
				want = "public, max-age=31536000, immutable"
			}
			if got := first.Header().Get("Cache-Control"); got != want {
				t.Errorf("%s: Cache-Control is %q, want %q", target, got, want)
			}
		}
	}
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	t.Parallel()
	for _, site := range sites {
		for _, target := range []string{"/missing.js", "/page.html", "/npm", "/npm/", "/../pages.go", "/socket.js/"} {
			if w := get(t, site.handler, "GET", site.base+target); w.Code != http.StatusNotFound {
				t.Errorf("%s answers %d", site.base+target, w.Code)
			}
		}
		w := get(t, site.handler, "POST", site.base+"/")
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("POST %s/ answers %d, Allow %q", site.base, w.Code, w.Header().Get("Allow"))
		}
		if w := get(t, site.handler, "HEAD", site.base+"/"); w.Code != http.StatusOK || w.Body.Len() > 0 {
			t.Errorf("HEAD %s/ answers %d with %d bytes", site.base, w.Code, w.Body.Len())
		}
	}
}

func targetsOf(t *testing.T, base string, folders []string) []string {
	t.Helper()
	targets := []string{base, base + "/"}
	for _, folder := range folders {
		for _, name := range filesIn(t, folder) {
			if path.Ext(name) != ".html" {
				targets = append(targets, base+strings.TrimPrefix(name, folder))
			}
		}
	}
	return targets
}

func filesIn(t *testing.T, folder string) []string {
	t.Helper()
	var names []string
	err := fs.WalkDir(os.DirFS("."), folder, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil || len(names) == 0 {
		t.Fatalf("read %s: %d files, %v", folder, len(names), err)
	}
	slices.Sort(names)
	return names
}
