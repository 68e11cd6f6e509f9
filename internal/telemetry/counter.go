package telemetry

import "github.com/prometheus/client_golang/prometheus"

// process has what is counted once for the process, whichever of its nodes it happens on.
var process = prometheus.NewRegistry()

// A Counter is a number that only rises.
type Counter = prometheus.Counter

// An Observer takes what a distribution is made of.
type Observer = prometheus.Observer

// NewCounter declares a number that only rises. Its name ends in _total.
func NewCounter(name, help string) Counter {
	return declared(prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help}))
}

// NewCounters declares a number for each value of the labels. A label has few values, and none of a client's
// choosing.
func NewCounters(name, help string, labels ...string) *prometheus.CounterVec {
	return declared(prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels))
}

// NewHistogram declares a distribution.
func NewHistogram(name, help string, buckets []float64) prometheus.Histogram {
	return declared(prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}))
}

// NewHistograms declares a distribution for each value of the labels.
func NewHistograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return declared(prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels))
}

func declared[C prometheus.Collector](c C) C {
	process.MustRegister(c)
	return c
}

// Seconds are the buckets for what a client waits for, from 1 ms to 30 s.
func Seconds() []float64 {
	return []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
}

// ShortSeconds are the buckets for what a request is made of, from 100 µs to 10 s.
func ShortSeconds() []float64 {
	return []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}
}
