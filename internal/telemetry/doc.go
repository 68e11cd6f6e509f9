// Package telemetry is what a node tells its operators: numbers for Prometheus, traces for OpenTelemetry, and
// log lines that name their request. It is the one home of both libraries.
//
// A number stands beside what it counts: a package declares it with [NewCounter] or [NewHistogram], once for
// the process. What stands at a moment, such as open sockets, is asked of a part of the node when somebody
// scrapes: the part registers a [Registry.Gauge] in its Report method.
//
// No label takes its values from a client, or the number of series would be the clients' to choose.
//
// Traces cost nothing while nobody collects them: [Start] is then one load of a pointer.
package telemetry
