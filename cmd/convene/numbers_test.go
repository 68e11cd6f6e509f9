package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

var docs = filepath.Join("..", "..", "docs")

// names are what a scrape has.
func names(text string) (all []string) {
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\S+) (\S+)$`).FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
		if m[2] == "histogram" {
			all = append(all, m[1]+"_bucket", m[1]+"_sum", m[1]+"_count")
		}
	}
	return all
}

// asked are the names in some expressions. `up` is Prometheus's own.
func asked(expressions []string) []string {
	name := regexp.MustCompile(`\b(?:convene|go|process)_\w+`)
	all := name.FindAllString(strings.Join(expressions, "\n"), -1)
	slices.Sort(all)
	return slices.Compact(all)
}

// inDashboards are the expressions of every panel.
func inDashboards(t *testing.T) (all []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(docs, "grafana", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there is no dashboard: %v", err)
	}
	for _, file := range files {
		var dashboard struct {
			Panels []struct {
				Title   string `json:"title"`
				Type    string `json:"type"`
				Targets []struct {
					Expr string `json:"expr"`
				} `json:"targets"`
			} `json:"panels"`
		}
		if err := json.Unmarshal(read(t, file), &dashboard); err != nil {
			t.Fatalf("%s is no JSON: %v", file, err)
		}
		for _, p := range dashboard.Panels {
			if p.Type != "row" && len(p.Targets) == 0 {
				t.Errorf("the panel %q asks for nothing", p.Title)
			}
			for _, target := range p.Targets {
				all = append(all, target.Expr)
			}
		}
	}
	return all
}

// inAlerts are the expressions of every alert. Each has to say how urgent it is and what to do.
func inAlerts(t *testing.T) (all []string) {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string `yaml:"name"`
			Rules []struct {
				Alert       string            `yaml:"alert"`
				Expr        string            `yaml:"expr"`
				For         string            `yaml:"for"`
				Labels      map[string]string `yaml:"labels"`
				Annotations map[string]string `yaml:"annotations"`
			} `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.UnmarshalWithOptions(read(t, filepath.Join(docs, "grafana", "alerts.yml")), &file, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	urgent := []string{"page", "ticket"}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			if !slices.Contains(urgent, r.Labels["severity"]) || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				t.Errorf("the alert %s does not say how urgent it is, or what to do", r.Alert)
			}
			all = append(all, r.Expr)
		}
	}
	if len(all) == 0 {
		t.Error("there are no alerts")
	}
	return all
}

// inHandbook is the text for operators, where it says what to watch.
func inHandbook(t *testing.T) []string {
	t.Helper()
	_, text, ok := strings.Cut(string(read(t, filepath.Join(docs, "operate.md"))), "\n## What to watch\n")
	if !ok {
		t.Fatal("operate.md does not say what to watch")
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return []string{text}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
