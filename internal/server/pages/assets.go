package pages

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

// asset is a file as it is served.
type asset struct {
	body        []byte
	contentType string
	etag        string
	cache       string
}

// Content types are told here and not by the machine's tables, which differ between machines.
var contentTypes = map[string]string{
	".css":  "text/css; charset=utf-8",
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
	".txt":  "text/plain; charset=utf-8",
}

// load finds the files of the folders and the page, by the paths they are served at: those of every
// folder under base, the page at base itself and at base/.
func load(base string, page []byte, folders ...string) map[string]asset {
	assets := make(map[string]asset)
	for _, folder := range folders {
		err := fs.WalkDir(files, folder, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || path.Ext(name) == ".html" {
				return err
			}
			body, err := files.ReadFile(name)
			assets[base+strings.TrimPrefix(name, folder)] = newAsset(name, body)
			return err
		})
		if err != nil {
			panic(err)
		}
	}
	assets[base] = newAsset("page.html", page)
	assets[base+"/"] = assets[base]
	return assets
}

func newAsset(name string, body []byte) asset {
	sum := sha256.Sum256(body)
	a := asset{
		body:        body,
		contentType: contentTypes[path.Ext(name)],
		etag:        `"` + hex.EncodeToString(sum[:12]) + `"`,
		// Asked for each time and answered with 304: a new binary's pages are never mixed with old ones.
		cache: "no-cache",
	}
	if strings.Contains(name, "/npm/") && path.Ext(name) != ".txt" {
		// These have their version in the path.
		a.cache = "public, max-age=31536000, immutable"
	}
	return a
}

// site serves a fixed set of assets under one policy.
type site struct {
	policy policy
	assets map[string]asset
}

func (s site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.policy.set(w.Header(), r.Host)
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	a, ok := s.assets[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", a.contentType)
	w.Header().Set("Cache-Control", a.cache)
	w.Header().Set("ETag", a.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.body))
}
