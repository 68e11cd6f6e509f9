package config

import (
	"cmp"
	"fmt"
	"io"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"strings"
	"text/tabwriter"
)

// Print writes every setting with its value and where that comes from, and with what it is for if asked.
// Secrets are hidden.
func (c Config) Print(w io.Writer, withAbout bool) error {
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, s := range Settings() {
		from := "default"
		if os.Getenv(s.Name) != "" {
			from = "environment"
		}
		line := []string{s.Name, cmp.Or(s.show(c), "(empty)"), from}
		if withAbout {
			line = append(line, s.About)
		}
		if _, err := fmt.Fprintln(table, strings.Join(line, "\t")); err != nil {
			return fmt.Errorf("print the settings: %w", err)
		}
	}
	return table.Flush()
}

// Markdown writes docs/settings.md.
func Markdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString(`# Settings

Settings come from the environment and nowhere else. A variable that is empty counts as missing. A ` + "`CONVENE_`" + `
name that does not exist is refused, and so is a value that makes no sense, in one sentence at the start. ` + "`convene config`" + `
prints what holds where it is run, with secrets hidden; ` + "`convene config --verbose`" + ` says besides what each is for.
[operate.md](operate.md) has what to set when.

Made from ` + "`internal/config`" + ` by ` + "`go generate ./internal/config`" + `.

| name | default | what |
|---|---|---|
`)
	for _, s := range Settings() {
		value := ""
		if s.Default != "" {
			value = "`" + s.Default + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", s.Name, value, strings.ReplaceAll(s.About, "|", "\\|"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

const hidden = "(hidden)"

// show is a setting's value as others may see it.
func (s Setting) show(c Config) string {
	value := reflect.ValueOf(c).FieldByIndex(s.field.Index)
	text := fmt.Sprint(value.Interface())
	if list, ok := value.Interface().([]string); ok {
		text = strings.Join(list, ",")
	}
	switch {
	case text == "":
		return ""
	case isSecret(s.field), strings.HasSuffix(s.Name, "_URL") && !strings.Contains(text, "://"):
		return hidden // what was meant to be a URL may hold a password anywhere
	default:
		return hidePassword(text)
	}
}

// isSecret tells whether nothing of a value may be shown.
func isSecret(field reflect.StructField) bool { return field.Tag.Get("secret") != "" }

// telling are the names of parameters that hold secrets.
var telling = regexp.MustCompile(`(?i)pass|key|token|secret|auth`)

// hidePassword takes the password out of a text that is a URL. One that looks like a URL and can not be
// read is hidden as a whole.
func hidePassword(text string) string {
	if !strings.Contains(text, "://") {
		return text
	}
	u, err := url.Parse(text)
	if err != nil {
		return hidden
	}
	q := u.Query()
	for name := range q {
		if telling.MatchString(name) {
			q.Set(name, "xxxxx")
		}
	}
	if u.RawQuery != "" {
		u.RawQuery = q.Encode()
	}
	return u.Redacted()
}
