package main_test

import (
	"debug/elf"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/convenehq/convene/internal/embedded"
	"github.com/convenehq/convene/internal/token"
)

// dockerfile is the instructions of the Dockerfile, each in one line, without comments.
func dockerfile(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	plain := regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(string(text), "")
	joined := regexp.MustCompile(`\\\n\s*`).ReplaceAllString(plain, "")
	return strings.FieldsFunc(joined, func(r rune) bool { return r == '\n' })
}

func TestDockerfile(t *testing.T) {
	t.Parallel()
	lines := dockerfile(t)
	var stages [][]string
	for _, line := range lines {
		if strings.HasPrefix(line, "FROM ") {
			stages = append(stages, nil)
		}
		stages[len(stages)-1] = append(stages[len(stages)-1], line)
	}
	final := strings.Join(stages[len(stages)-1], "\n")
	for _, want := range []string{
		"FROM scratch", "USER 65532:65532", "EXPOSE 8080", "ENV ADDR=:8080 CONVENE_ENV=production",
		`CMD ["/convene", "healthcheck"]`, `ENTRYPOINT ["/convene"]`, "\n" + `CMD ["serve"]`,
		"COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/",
	} {
		if !strings.Contains(final, want) {
			t.Errorf("the image lacks %q", want)
		}
	}
	if strings.Contains(final, "RUN ") {
		t.Error("the last stage runs something, and has no shell")
	}
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	language := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(mod))[1]
	for _, line := range lines {
		switch word, rest, _ := strings.Cut(line, " "); word {
		case "FROM":
			if rest != "scratch" && !strings.Contains(rest, "golang:"+language+" ") {
				t.Errorf("%q is not the Go of go.mod, %s", line, language)
			}
		case "ADD":
			t.Errorf("%q: COPY does, and fetches nothing", line)
		case "ARG", "ENV":
			if regexp.MustCompile("KEY|SECRET|PASSWORD").MatchString(rest) {
				t.Errorf("%q stays in the image for everybody to read", line)
			}
		case "RUN", "COPY", "WORKDIR", "LABEL", "USER", "EXPOSE", "HEALTHCHECK", "STOPSIGNAL", "ENTRYPOINT", "CMD":
		default:
			t.Errorf("%q is no instruction that this file needs", line)
		}
	}
	for _, line := range stages[0] {
		if sources, ok := strings.CutPrefix(line, "COPY go."); ok && sources != "mod go.sum ./" {
			t.Errorf("%q: the modules need both files", line)
		}
	}
}

// TestImage builds the program as the Dockerfile says, and runs it as the image does: in a folder with
// nothing else, as an account that owns nothing.
func TestImage(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the image is for Linux")
	}
	if testing.Short() {
		t.Skip("it compiles everything once more, as a release does")
	}
	var line string
	for _, l := range dockerfile(t) {
		if i := strings.Index(l, "CGO_ENABLED="); i >= 0 {
			line = l[i:]
		}
	}
	root, err := os.MkdirTemp("", "convene-image-") //nolint:usetesting // another account has to get in
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("sh", "-c", strings.ReplaceAll(line, "/out/", root+"/"))
	build.Dir = "../.."
	build.Env = append(os.Environ(), "TARGETOS=linux", "TARGETARCH="+runtime.GOARCH, "VERSION=v1.2.3-test")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	t.Run("the binary needs no library, and tells nothing of where it was built", func(t *testing.T) {
		program := filepath.Join(root, "convene")
		f, err := elf.Open(program)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		for _, p := range f.Progs {
			if p.Type == elf.PT_INTERP {
				t.Error("it is linked dynamically")
			}
		}
		body, err := os.ReadFile(program)
		if err != nil {
			t.Fatal(err)
		}
		here, _ := filepath.Abs("../..")
		if strings.Contains(string(body), here) {
			t.Errorf("it names %s", here)
		}
		if !strings.Contains(string(body), "Europe/Lisbon") {
			t.Error("it has no table of time zones")
		}
	})
	in := func(settings []string, args ...string) *exec.Cmd {
		cmd := exec.Command("/convene", args...)
		cmd.Dir, cmd.Env = "/", settings
		if os.Geteuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
		} else { // only root can shut a program in
			cmd.Path = filepath.Join(root, "convene")
		}
		return cmd
	}
	t.Run("it knows its version, and makes keys", func(t *testing.T) {
		out, err := in(nil, "version").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "convene v1.2.3-test, go1.") {
			t.Errorf("got %v: %s", err, out)
		}
		out, err = in([]string{"CONVENE_ENV=production", "ADDR=:8080"}, "keys").CombinedOutput()
		if _, wrong := token.ParseKeys(string(out)); err != nil || wrong != nil {
			t.Errorf("got %v, %v: %s", err, wrong, out)
		}
	})
	t.Run("it serves, is healthy and ready, and stops", func(t *testing.T) {
		s, err := embedded.Start(t.Context(), embedded.Options{NeedPG: true, Throwaway: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		addr := freeAddress(t)
		_, port, _ := net.SplitHostPort(addr)
		settings := []string{
			"ADDR=:" + port, "CONVENE_ENV=production", "CONVENE_URL=https://convene.example.org", "CONVENE_MAIL=off", "CONVENE_KEYS=" + token.NewKey(),
			"DATABASE_URL=" + overTCP(t, s.DatabaseURL), "REDIS_URL=redis://127.0.0.1:1",
		}
		said := &output{}
		cmd := in(settings, "serve")
		cmd.Stdout, cmd.Stderr = said, said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill() })
		eventually(t, "it is ready", func() error {
			out, err := in(settings, "healthcheck", "--ready").CombinedOutput()
			if err != nil {
				err = fmt.Errorf("%w: %s\n%s", err, out, said)
			}
			return err
		})
		if out, err := in(settings, "healthcheck").CombinedOutput(); err != nil {
			t.Errorf("it is not healthy: %v: %s", err, out)
		}
		answer, err := http.Post("http://"+addr+"/graphql", "application/json", strings.NewReader(`{"query": "{ __typename }"}`))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if !strings.Contains(string(text), `"Query"`) {
			t.Errorf("it answers %s: %s", answer.Status, text)
		}
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("it does not stop in order: %v\n%s", err, said)
		}
		if out, err := in(settings, "healthcheck").CombinedOutput(); err == nil {
			t.Errorf("it is said to be healthy although it is gone: %s", out)
		}
	})
}

func freeAddress(t testing.TB) string {
	t.Helper()
	address, err := embedded.FreeAddress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// overTCP is the address of a private PostgreSQL, which listens on a Unix socket, for a program that can
// not reach it by the file system.
func overTCP(t testing.TB, databaseURL string) string {
	t.Helper()
	u, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(u.Query().Get("host"), ".s.PGSQL.5432")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("unix", socket)
			if err != nil {
				_ = from.Close()
				continue
			}
			go func() { _, _ = io.Copy(to, from); _ = to.Close() }()
			go func() { _, _ = io.Copy(from, to); _ = from.Close() }()
		}
	}()
	u.Host, u.RawQuery = l.Addr().String(), "sslmode=disable"
	return u.String()
}
