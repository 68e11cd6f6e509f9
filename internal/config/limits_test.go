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
	all := config.Limits{
		OperationsPerAccount: 50, OperationsPerAddress: 500, FailedSignIns: 10, RegistrationsPerAddress: 100,
		SocketsPerAccount: 20, SocketsPerAddress: 1000, MessagesPerSocket: 50, ResultSize: 1 << 20,
	}
	for _, c := range []struct {
		name string
		env  map[string]string
		want config.Limits
	}{
		{"production has them", inProduction, all},
		{"development has those that are set", map[string]string{"CONVENE_SOCKETS_PER_ACCOUNT": "3"}, config.Limits{SocketsPerAccount: 3, ResultSize: 1 << 20}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			if got, err := config.Load(); err != nil || fmt.Sprint(got.Limits) != fmt.Sprint(c.want) {
				t.Errorf("got %+v, %v", got.Limits, err)
			}
		})
	}
	t.Run("proxies are addresses and networks", func(t *testing.T) {
		t.Setenv("CONVENE_TRUSTED_PROXIES", "10.0.0.5,192.168.7.9/16,2001:db8::/32,::1")
		c, err := config.Load()
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
			t.Setenv(name, value)
			if _, err := config.Load(); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("got %v", err)
			}
		})
	}
}
