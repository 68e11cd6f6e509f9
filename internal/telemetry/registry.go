package telemetry

import (
	"context"
	"database/sql"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// A Registry is all numbers of a node: those of the process, and those that its parts are asked for.
type Registry struct{ own *prometheus.Registry }

// NewRegistry has the numbers of the process, of Go's runtime and of this build.
func NewRegistry() *Registry {
	r := &Registry{own: prometheus.NewRegistry()}
	r.own.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		buildInfo(),
	)
	return r
}

// Gauge registers a number that is asked for with each scrape. value must not wait.
func (r *Registry) Gauge(name, help string, value func() float64) {
	r.own.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
}

// Counter registers a number that only rises and that somebody else counts.
func (r *Registry) Counter(name, help string, value func() float64) {
	r.own.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, value))
}

// Pool registers what database/sql tells of a pool of connections.
func (r *Registry) Pool(pool *sql.DB) {
	r.own.MustRegister(collectors.NewDBStatsCollector(pool, "convene"))
}

// A Gauge is the name of a number, and what it is.
type Gauge struct{ Name, Help string }

// A Sample is what each of some gauges is for the values of their labels, both in the order of their names.
type Sample struct {
	Labels []string
	Values []float64
}

// readTime is how long the source of gauges may take: a scrape waits for it.
const readTime = 2 * time.Second

// Gauges registers numbers with the same labels that are read together with each scrape, for example from
// PostgreSQL: how queues stand. Where they can not be read, a scrape goes without them, and says nothing rather
// than something old.
func (r *Registry) Gauges(labels []string, read func(context.Context) ([]Sample, error), gauges ...Gauge) {
	g := &readGauges{read: read}
	for _, gauge := range gauges {
		g.descs = append(g.descs, prometheus.NewDesc(gauge.Name, gauge.Help, labels, nil))
	}
	r.own.MustRegister(g)
}

type readGauges struct {
	descs []*prometheus.Desc
	read  func(context.Context) ([]Sample, error)
}

// Describe implements prometheus.Collector.
func (g *readGauges) Describe(to chan<- *prometheus.Desc) {
	for _, desc := range g.descs {
		to <- desc
	}
}

// Collect implements prometheus.Collector.
func (g *readGauges) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), readTime)
	defer cancel()
	samples, err := g.read(ctx)
	if err != nil {
		to <- prometheus.NewInvalidMetric(g.descs[0], err)
		return
	}
	for _, s := range samples {
		for i, desc := range g.descs {
			m, err := prometheus.NewConstMetric(desc, prometheus.GaugeValue, s.Values[i], s.Labels...)
			if err != nil {
				m = prometheus.NewInvalidMetric(desc, err)
			}
			to <- m
		}
	}
}

// Handler serves the numbers as Prometheus reads them. One that can not be had does not hide the others.
func (r *Registry) Handler() http.Handler {
	return promhttp.HandlerFor(prometheus.Gatherers{process, r.own}, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}
