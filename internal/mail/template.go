package mail

import (
	"embed"
	"fmt"
	html "html/template"
	"path"
	"regexp"
	"strings"
	"text/template"
)

// A template is one file: the subject, a blank line, and paragraphs with a blank line between them. A
// paragraph of the form [words](address) is a link: a button in HTML, words and address in text.
//
// Both forms are made of that one source, by html/template and text/template. It is taken apart before
// anything is filled in, so what is filled in makes no paragraphs and no links.
//
//go:embed templates
var files embed.FS

// fill is what templates can name.
type fill struct {
	// Name is the recipient's, URL the public address of this Convene, without a slash at its end.
	Name, URL, Subject string
	// Data is the letter's own.
	Data map[string]string
}

// written is a template, ready to be filled in.
type written struct {
	subject, text *template.Template
	html          *html.Template
}

var link = regexp.MustCompile(`^\[([^\]]+)\]\((\S+)\)$`)

// parse takes a template's source apart. Templates are part of the binary: one that does not work is a
// mistake in the program, which the tests find.
func parse(name string) *written {
	source := strings.Split(strings.TrimSpace(string(read(name+".txt"))), "\n\n")
	var page, plain strings.Builder
	for _, paragraph := range source[1:] {
		paragraph = strings.Join(strings.Fields(paragraph), " ")
		if l := link.FindStringSubmatch(paragraph); l != nil {
			fmt.Fprintf(&page, "<p style=\"margin:24px 0\"><a href=%q style=\"background:#2f5d50;color:#ffffff;"+
				"padding:10px 18px;border-radius:6px;text-decoration:none\">%s</a></p>\n", l[2], l[1])
			fmt.Fprintf(&plain, "%s: %s\n\n", l[1], l[2])
			continue
		}
		fmt.Fprintf(&page, "<p style=\"margin:0 0 16px\">%s</p>\n", paragraph)
		fmt.Fprintf(&plain, "%s\n\n", paragraph)
	}
	frame := func(file, body string) string { return strings.Replace(string(read(file)), "{{/* body */}}", body, 1) }
	plainOf := func(source string) *template.Template {
		return template.Must(template.New(name).Option("missingkey=error").Parse(source))
	}
	return &written{
		subject: plainOf(source[0]),
		text:    plainOf(frame("frame/frame.txt", plain.String())),
		html:    html.Must(html.New(name).Option("missingkey=error").Parse(frame("frame/frame.html", page.String()))),
	}
}

func read(name string) []byte {
	b, err := files.ReadFile(path.Join("templates", name))
	if err != nil {
		panic(err)
	}
	return b
}

// render fills a template in.
func (w *written) render(f fill) (subject, text, page string, err error) {
	clean := make(map[string]string, len(f.Data))
	for k, v := range f.Data {
		clean[k] = line(v)
	}
	f.Name, f.Data = line(f.Name), clean
	var b strings.Builder
	if err := w.subject.Execute(&b, f); err != nil {
		return "", "", "", fmt.Errorf("write the subject: %w", err)
	}
	f.Subject = line(b.String())
	b.Reset()
	if err := w.text.Execute(&b, f); err != nil {
		return "", "", "", fmt.Errorf("write the text: %w", err)
	}
	text = wrap(b.String())
	b.Reset()
	if err := w.html.Execute(&b, f); err != nil {
		return "", "", "", fmt.Errorf("write the HTML: %w", err)
	}
	return f.Subject, text, b.String(), nil
}

// wrap breaks lines at 72 characters, but for words that are longer, such as addresses.
func wrap(text string) string {
	var out strings.Builder
	for paragraph := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		width := 0
		for i, word := range strings.Fields(paragraph) {
			length := len([]rune(word))
			switch {
			case i == 0:
			case width+1+length > 72:
				out.WriteByte('\n')
				width = 0
			default:
				out.WriteByte(' ')
				width++
			}
			out.WriteString(word)
			width += length
		}
		out.WriteByte('\n')
	}
	return out.String()
}
