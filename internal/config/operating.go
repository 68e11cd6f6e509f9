package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
)

// IsOn tells whether traces are collected and sent.
func (t Traces) IsOn() bool {
	if t.Disabled || t.Exporter == "none" {
		return false
	}
	return t.Exporter == "otlp" || t.Endpoint != "" || t.TracesEndpoint != ""
}

func (t Traces) checkTraces() error {
	if t.IsOn() && t.Protocol != "" && t.Protocol != "http/protobuf" {
		return fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL is %q and has to be http/protobuf: give the endpoint of that", t.Protocol)
	}
	for _, e := range [][2]string{
		{"OTEL_EXPORTER_OTLP_ENDPOINT", t.Endpoint}, {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", t.TracesEndpoint},
	} {
		u, err := url.Parse(e[1])
		// What can not be read would be passed over, and the traces sent to this machine.
		if t.IsOn() && e[1] != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
			return fmt.Errorf("%s has to be an address like http://collector:4318", e[0])
		}
	}
	return nil
}

// Level is the level of the log.
func (c Config) Level() slog.Level {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // checked; empty is info
	return level
}

func (c Config) checkMetricsAddr() error {
	if c.MetricsAddr == "" {
		return nil
	}
	if !isListenable(c.MetricsAddr) {
		return fmt.Errorf("CONVENE_METRICS_ADDR is %q and has to be host:port, like 127.0.0.1:9090", c.MetricsAddr)
	}
	if c.MetricsAddr == c.Addr {
		return errors.New("CONVENE_METRICS_ADDR is ADDR too: operators' numbers need an address of their own")
	}
	return nil
}
