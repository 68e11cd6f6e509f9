package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// pointerName is the file that tells where the data of a folder really is.
const pointerName = "elsewhere"

// locate finds the home of existing data, or returns "".
func (t *site) locate() (string, error) {
	if isDir(filepath.Join(t.dir, "postgres")) {
		return t.dir, nil
	}
	text, err := os.ReadFile(filepath.Join(t.dir, pointerName))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read where the data is: %w", err)
	}
	home, reason, _ := strings.Cut(string(text), "\n")
	if home != "" && isDir(home) {
		t.why = strings.TrimSpace(reason)
		return home, nil
	}
	// The pointer goes with a deleted checkout, the data does not.
	for _, place := range t.places() {
		if isDir(filepath.Join(place, "postgres")) {
			return place, nil
		}
	}
	return "", nil
}

// places are where new data may be, the best first.
func (t *site) places() []string {
	if t.throwaway {
		return []string{t.dir}
	}
	home, _ := os.UserHomeDir() // without one there is one place less
	return append([]string{t.dir}, elsewhere(t.dir, os.Geteuid(), home, os.Getenv("XDG_DATA_HOME"))...)
}

// elsewhere are the places for data that cannot be in dir.
func elsewhere(dir string, uid int, home, dataHome string) []string {
	name := digest(dir)
	if uid == 0 {
		return []string{
			filepath.Join("/var/lib/convene", name),
			"/var/tmp/convene-" + name,
		}
	}
	var places []string
	if !filepath.IsAbs(dataHome) && home != "" {
		dataHome = filepath.Join(home, ".local", "share")
	}
	if filepath.IsAbs(dataHome) {
		places = append(places, filepath.Join(dataHome, "convene", name))
	}
	return append(places, "/var/tmp/convene-"+strconv.Itoa(uid)+"-"+name)
}

// leavePointer writes down in dir where the data is, for the next start and for
// whoever looks for it.
func (t *site) leavePointer() error {
	if t.home == t.dir {
		return nil
	}
	if t.why == "" {
		t.why = "data of an earlier run is there"
	}
	path := filepath.Join(t.dir, pointerName)
	if err := os.WriteFile(path, []byte(t.home+"\n"+t.why+"\n"), 0o644); err != nil {
		return fmt.Errorf("write down where the data is: %w", err)
	}
	return nil
}

// whereabouts is the end of a note: where the data is, and why there.
func (t *site) whereabouts() string {
	switch {
	case t.throwaway:
		return "throw-away data in " + t.home
	case t.home != t.dir:
		return fmt.Sprintf("data in %s and not in %s because %s", t.home, t.dir, t.why)
	default:
		return "data in " + t.home
	}
}
