package main_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/convenehq/convene/internal/embedded"
)

// TestProxies runs the sample configurations of docs/proxy for real, where their programs are, in front of
// two nodes that are restarted one after the other while people write and watch.
func TestProxies(t *testing.T) {
	t.Parallel()
	for name, configure := range map[string]func(testing.TB, proxied) *exec.Cmd{"nginx": nginx, "caddy": caddy} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(name); err != nil {
				t.Skipf("there is no %s here", name)
			}
			behind(t, configure)
		})
	}
}

// proxied is what a proxy is told.
type proxied struct {
	folder, addr string
	nodes        [2]string
}

func behind(t *testing.T, configure func(testing.TB, proxied) *exec.Cmd) {
	s, err := embedded.Start(t.Context(), embedded.Options{NeedPG: true, NeedRedis: true, Throwaway: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	p := proxied{t.TempDir(), freeAddress(t), [2]string{freeAddress(t), freeAddress(t)}}
	settings := []string{
		"DATABASE_URL=" + s.DatabaseURL, "REDIS_URL=" + s.RedisURL, "CONVENE_URL=https://" + p.addr, "CONVENE_DRAIN_DELAY=2s",
	}
	var nodes [2]*node
	start := func(i int) { nodes[i] = startAt(t, p.nodes[i], settings...) }
	for i := range nodes {
		start(i)
	}
	said := &output{}
	cmd := configure(t, p)
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Signal(syscall.SIGTERM); _ = cmd.Wait() })
	c := newOutside(t, "https://"+p.addr)
	eventually(t, "the proxy leads to a node", func() error {
		answer, err := c.http.Get(c.url + "/readyz")
		if err != nil {
			return fmt.Errorf("%w\n%s", err, said)
		}
		defer func() { _ = answer.Body.Close() }()
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("%s\n%s", answer.Status, said)
		}
		return nil
	})
	t.Run("it keeps measurements, and bodies that are too large, to itself", func(t *testing.T) {
		if got := c.status(http.MethodGet, "/metrics", nil); got != http.StatusNotFound {
			t.Errorf("/metrics answers %d", got)
		}
		if got := c.status(http.MethodPost, "/graphql", strings.NewReader(strings.Repeat(" ", 300<<10))); got != http.StatusRequestEntityTooLarge {
			t.Errorf("300 KiB are answered %d", got)
		}
	})
	t.Run("cookies work for the public address, and for no other origin", func(t *testing.T) { c.cookies(t) })
	t.Run("a rolling restart costs nothing", func(t *testing.T) {
		w := c.begin(t)
		for i := range nodes {
			w.write(t, time.Second)
			nodes[i].stopWhile(func() { w.write(t, 500*time.Millisecond) })
			w.write(t, 500*time.Millisecond)
			start(i)
		}
		w.write(t, 3*time.Second)
		w.check(t)
	})
	t.Run("what is read goes to the other node when one is killed, and nobody notices", func(t *testing.T) {
		nodes[0].stop(syscall.SIGKILL)
		for i := range 100 {
			if got := c.status(http.MethodGet, "/graphql?query=%7B__typename%7D", nil); got != http.StatusOK {
				t.Fatalf("the %d. request is answered %d", i+1, got)
			}
		}
	})
}

// stopWhile stops the node as an operator does, and does something all the while.
func (n *node) stopWhile(do func()) {
	_ = n.cmd.Process.Signal(syscall.SIGTERM)
	for end := time.Now().Add(deadline); time.Now().Before(end); do() {
		select {
		case <-n.done:
			return
		default:
		}
	}
	n.t.Fatalf("the node did not stop:\n%s", n.out)
}

func nginx(t testing.TB, p proxied) *exec.Cmd {
	cert, key := selfSigned(t, p.folder)
	site := sample(t, "nginx.conf", map[string]string{
		"10.0.0.11:8080": p.nodes[0], "10.0.0.12:8080": p.nodes[1],
		"listen 80;": "listen " + freeAddress(t) + ";", "listen 443 ssl": "listen " + p.addr + " ssl",
		"/etc/ssl/convene/fullchain.pem": cert, "/etc/ssl/convene/privkey.pem": key,
		"/var/log/nginx/convene.log": filepath.Join(p.folder, "access.log"),
	})
	paths := ""
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		paths += fmt.Sprintf("%s_temp_path %s;\n", kind, filepath.Join(p.folder, kind))
	}
	file := filepath.Join(p.folder, "nginx.conf")
	whole := fmt.Sprintf("daemon off;\nmaster_process off;\nerror_log stderr;\npid %s;\nevents {}\nhttp {\naccess_log off;\n%s%s}\n",
		filepath.Join(p.folder, "pid"), paths, site)
	if err := os.WriteFile(file, []byte(whole), 0o600); err != nil {
		t.Fatal(err)
	}
	return exec.Command("nginx", "-c", file, "-e", "stderr")
}

func caddy(t testing.TB, p proxied) *exec.Cmd {
	site := sample(t, "Caddyfile", map[string]string{
		// Of what a machine has only once, a test takes nothing.
		"{\n\tservers {": "{\n\tadmin off\n\tskip_install_trust\n\tauto_https disable_redirects\n\tservers {\n\t\tprotocols h1 h2",
	})
	file := filepath.Join(p.folder, "Caddyfile")
	if err := os.WriteFile(file, []byte(site), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("caddy", "run", "--config", file, "--adapter", "caddyfile")
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + p.folder, "XDG_DATA_HOME=" + p.folder,
		"CONVENE_URL=https://" + p.addr, "CONVENE_NODES=" + p.nodes[0] + " " + p.nodes[1],
	}
	return cmd
}

// sample is a file of docs/proxy with other words in places that every installation changes.
func sample(t testing.TB, name string, words map[string]string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/proxy/" + name)
	if err != nil {
		t.Fatal(err)
	}
	for from, to := range words {
		if !bytes.Contains(text, []byte(from)) {
			t.Fatalf("docs/proxy/%s has no %q", name, from)
		}
		text = bytes.ReplaceAll(text, []byte(from), []byte(to))
	}
	return string(text)
}

// selfSigned writes a certificate for this machine, and its key.
func selfSigned(t testing.TB, folder string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: signed}, "key.pem": {Type: "PRIVATE KEY", Bytes: plain}} {
		if err := os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
}

// status is how a request is answered.
func (c *outside) status(method, path string, body io.Reader) int {
	r, err := http.NewRequest(method, c.url+path, body)
	if err != nil {
		return 0
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := c.http.Do(r)
	if err != nil {
		return 0
	}
	defer func() { _ = answer.Body.Close() }()
	return answer.StatusCode
}
