package main_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/convenehq/convene/internal/config"
)

type composeFile struct {
	Services map[string]composeService
	Volumes  map[string]any
}

type composeService struct {
	Image, Build    string
	Profiles        []string
	Environment     map[string]string
	Ports, Volumes  []string
	StopGracePeriod string                                `yaml:"stop_grace_period"`
	DependsOn       map[string]struct{ Condition string } `yaml:"depends_on"`
	Healthcheck     *struct{ Test []string }
}

// TestCompose holds docker-compose.yml to itself, to the settings, and to the files that it names.
func TestCompose(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file composeFile
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	settings := map[string]bool{}
	for _, s := range config.Settings() {
		settings[s.Name] = true
	}
	for name, s := range file.Services {
		if s.Build == "" && !regexp.MustCompile(`:v?\d`).MatchString(s.Image) {
			t.Errorf("%s: the image %q has no version", name, s.Image)
		}
		for other, how := range s.DependsOn {
			switch {
			case file.Services[other].Image == "":
				t.Errorf("%s waits for %s, which is not there", name, other)
			case how.Condition == "service_healthy" && file.Services[other].Healthcheck == nil:
				t.Errorf("%s waits for the health of %s, which nobody checks", name, other)
			}
		}
		for _, v := range s.Volumes {
			source, _, _ := strings.Cut(v, ":")
			_, isVolume := file.Volumes[source]
			if _, err := os.Stat("../../" + source); !isVolume && (err != nil || !strings.HasPrefix(source, "./")) {
				t.Errorf("%s mounts %s, which is neither a volume nor a file here", name, source)
			}
		}
		for _, p := range s.Ports {
			if name != "proxy" && !strings.HasPrefix(p, "127.0.0.1:") {
				t.Errorf("%s: others can reach %s", name, p)
			}
		}
		if s.Image != "convene" {
			continue
		}
		if !slices.Equal(s.Profiles, []string{"app"}) {
			t.Errorf("%s starts without being asked for", name)
		}
		for setting := range s.Environment {
			if !settings[setting] {
				t.Errorf("%s: there is no setting %s", name, setting)
			}
		}
		delay, err := time.ParseDuration(s.Environment["CONVENE_DRAIN_DELAY"])
		grace, err2 := time.ParseDuration(s.StopGracePeriod)
		if err != nil || err2 != nil || grace < delay+15*time.Second {
			t.Errorf("%s: %s is too short to drain in after %s (%v, %v)", name, s.StopGracePeriod, s.Environment["CONVENE_DRAIN_DELAY"], err, err2)
		}
	}
	for _, m := range regexp.MustCompile(`\$\{(\w+)(.?)`).FindAllSubmatch(text, -1) {
		name, mark := string(m[1]), string(m[2])
		if mark != ":" {
			t.Errorf("${%s} has no default: who only wants PostgreSQL would be asked for it", name)
		}
		if !settings[name] && name != "POSTGRES_PASSWORD" {
			t.Errorf("${%s} is neither a setting nor explained", name)
		}
	}
	for _, want := range []string{"postgres", "redis", "mailpit", "convene-1", "convene-2", "proxy"} {
		if file.Services[want].Image == "" {
			t.Errorf("there is no %s", want)
		}
	}
	if caddy, err := os.ReadFile("../../docs/proxy/Caddyfile"); err != nil || !strings.Contains(string(caddy), "{$CONVENE_NODES:") {
		t.Errorf("the proxy's file does not take CONVENE_NODES (%v)", err)
	}
}
