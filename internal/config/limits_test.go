package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/convenehq/convene/internal/config"
)

func TestLimits(t *testing.T) {
	inProduction := map[string]string{
		"CONVENE_ENV": "production", "CONVENE_URL": "https://convene.example.org", "CONVENE_KEYS": key,
		"DATABASE_URL": "postgres://db/convene", "REDIS_URL": "redis://cache", "CONVENE_MAIL": "off",
	}
	load := func(t *testing.T, env ...map[string]string) (config.Config, error) {
		t.Helper()
		for _, some := range env {
			for name, value := range some {
				t.Setenv(name, value)
			}
		}
		return config.Load()
	}
	t.Run("production has them", func(t *testing.T) {
		c, err := load(t, inProduction)
		want := config.Limits{
			OperationsPerAccount: 50, OperationsPerAddress: 500, FailedSignIns: 10, RegistrationsPerAddress: 100,
			SocketsPerAccount: 20, SocketsPerAddress: 1000, MessagesPerSocket: 50, ResultSize: 1 << 20,
		}
		if err != nil || fmt.Sprint(c.Limits) != fmt.Sprint(want) {
			t.Errorf("got %+v, %v", c.Limits, err)
		}
	})
	t.Run("development has those that are set", func(t *testing.T) {
		c, err := load(t, map[string]string{"CONVENE_SOCKETS_PER_ACCOUNT": "3"})
		if want := (config.Limits{SocketsPerAccount: 3, ResultSize: 1 << 20}); err != nil || fmt.Sprint(c.Limits) != fmt.Sprint(want) {
			t.Errorf("got %+v, %v", c.Limits, err)
		}
	})
	t.Run("proxies are addresses and networks", func(t *testing.T) {
		c, err := load(t, map[string]string{"CONVENE_TRUSTED_PROXIES": "10.0.0.5,192.168.7.9/16,2001:db8::/32,::1"})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.Proxies(); err != nil || fmt.Sprint(got) != "[10.0.0.5/32 192.168.0.0/16 2001:db8::/32 ::1/128]" {
			t.Errorf("got %v, %v", got, err)
		}
	})
	for name, value := range map[string]string{
		"CONVENE_TRUSTED_PROXIES": "10.0.0.5,proxy", "CONVENE_OPERATIONS_PER_ACCOUNT": "-1", "CONVENE_SOCKETS_PER_ADDRESS": "many",
		"CONVENE_RESULT_SIZE": "1000", "CONVENE_FAILED_SIGN_INS": "1000001",
	} {
		t.Run(name+" is not "+value, func(t *testing.T) {
			if _, err := load(t, map[string]string{name: value}); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("got %v", err)
			}
		})
	}
}
