package telemetry

import (
	"cmp"
	"runtime"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
)

// Version is what this binary was built from: the module's version and the revision, as far as the build knew.
func Version() (version, revision string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown", "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			revision = s.Value
		}
	}
	return cmp.Or(info.Main.Version, "unknown"), cmp.Or(revision, "unknown")
}

func buildInfo() prometheus.Collector {
	version, revision := Version()
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "convene_build_info",
		Help:        "Always 1; the labels say what this node was built from.",
		ConstLabels: prometheus.Labels{"version": version, "revision": revision, "go_version": runtime.Version()},
	})
	info.Set(1)
	return info
}
