package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/convenehq/convene/graph/generated"
	"github.com/convenehq/convene/graph/transport/wall"
)

// wallTries is how often a document that is meant to stall is sent for the growth of memory.
const wallTries = 1000

func measureWall(ctx context.Context, b *bench) (rows []row, err error) {
	rows, err = measureDocuments(b)
	if err != nil {
		return nil, err
	}
	n, err := b.house.open(ctx, nil)
	if err != nil {
		return rows, err
	}
	defer func() { err = errors.Join(err, n.close()) }()
	stalls, err := measureStalls(ctx, n.graph)
	return append(rows, stalls...), err
}

// measureDocuments measures what the inbox's document passes, by itself.
func measureDocuments(b *bench) ([]row, error) {
	schema := generated.NewExecutableSchema(generated.Config{}).Schema()
	limits, rules, prices := wall.Limits{}.WithDefaults(), wall.NewRules(false), wall.NewPrices(schema)
	variables := map[string]any{"first": int64(usual)}
	doc, _, bad := wall.Parse(inboxQuery, limits)
	if bad != nil {
		return nil, bad
	}
	if errs := rules.Validate(schema, doc); len(errs) > 0 {
		return nil, errs
	}
	known := wall.NewMemory[string](1 << 20)
	known.Put(inboxQuery, "inbox", len(inboxQuery))
	var failed error
	measured := []struct {
		row row
		do  func()
	}{
		{row{what: "inbox's document when known: found, variables, cost", unit: "µs", goal: below(50, "µs")}, func() {
			if _, ok := known.Get(inboxQuery); !ok {
				failed = errors.New("the document is not remembered")
			}
			if err := wall.CheckVariables(schema, doc.Operations[0], variables); err != nil {
				failed = err
			}
			prices.Estimate(doc, doc.Operations[0], variables)
		}},
		{row{what: "the same when new: the wall by itself", unit: "µs"}, func() { _, _ = wall.Check(doc, limits) }},
		{row{what: "the same: the cost by itself", unit: "µs"}, func() { prices.Estimate(doc, doc.Operations[0], variables) }},
		{row{what: "the same: parsed, wall, validated, cost", unit: "µs", goal: below(300, "µs")}, func() {
			fresh, _, err := wall.Parse(inboxQuery, limits)
			if err != nil {
				failed = err
				return
			}
			if errs := rules.Validate(schema, fresh); len(errs) > 0 {
				failed = errs
			}
			prices.Estimate(fresh, fresh.Operations[0], variables)
		}},
	}
	rows := make([]row, 0, len(measured))
	for _, m := range measured {
		for range rounds {
			count, began, most := 0, time.Now(), b.during(time.Second)
			for ; time.Since(began) < most; count++ {
				m.do()
			}
			m.row.values = append(m.row.values, float64(time.Since(began).Microseconds())/float64(count))
		}
		rows = append(rows, m.row)
	}
	return rows, failed
}

// measureStalls sends documents that are meant to stall whoever answers them.
func measureStalls(ctx context.Context, h http.Handler) ([]row, error) {
	slowest := row{what: "documents that are meant to stall: the slowest answer", unit: "ms", goal: below(50, "ms")}
	growth := row{what: fmt.Sprintf("memory after %d of them", wallTries), unit: "MB", goal: below(10, "MB")}
	for round := range rounds {
		worst, worstName := 0.0, ""
		for _, name := range slices.Sorted(stalling) {
			took := milliseconds(time.Hour)
			for try := range 3 { // the machine may have something else to do for once
				document := fmt.Sprintf("%s #%d %d", stallingDocuments[name], round, try) // none is known already
				began := time.Now()
				if err := sendStalling(ctx, h, document); err != nil {
					return nil, fmt.Errorf("%s: %w", name, err)
				}
				took = min(took, milliseconds(time.Since(began)))
			}
			if took > worst {
				worst, worstName = took, name
			}
		}
		slowest.values = append(slowest.values, worst)
		slowest.beside = worstName
		before := heap()
		names := slices.Sorted(stalling)
		for i := range wallTries {
			if err := sendStalling(ctx, h, fmt.Sprintf("%s #%d", stallingDocuments[names[i%len(names)]], i)); err != nil {
				return nil, err
			}
		}
		growth.values = append(growth.values, max(0, heap()-before))
	}
	return []row{slowest, growth}, nil
}

// stalling yields the names of the documents.
func stalling(yield func(string) bool) {
	for name := range stallingDocuments {
		if !yield(name) {
			return
		}
	}
}

// stallingDocuments took seconds, or gigabytes, before there was a wall, or are as much as it lets pass.
var stallingDocuments = func() map[string]string {
	const some = "viewer { profile { id } }"
	chained := func(n, times int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, " fragment f%d on Query { %s}", i, strings.Repeat(fmt.Sprintf("...f%d ", i+1), times))
		}
		return b.String() + fmt.Sprintf(" fragment f%d on Query { %s }", n, some)
	}
	numbered := func(n int, each string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, each+" ", i)
		}
		return b.String()
	}
	return map[string]string{
		"doubled fragments":             "{ ...f0 }" + chained(24, 2),
		"a chain of fragments":          "{ ...f0 }" + chained(430, 1),
		"a shorter chain":               "{ ...f0 }" + chained(190, 1),
		"nested introspection":          "{ __schema { types { " + strings.Repeat("fields { type { ", 60) + "name " + strings.Repeat("} } ", 60) + "} } }",
		"repeated fields":               "{ viewer { profile { " + strings.Repeat("displayName ", 3700) + "} } }",
		"as many repeated as may be":    "{ viewer { profile { " + strings.Repeat("id ", 498) + "} } }",
		"conflicting fields":            "{ " + numbered(3000, "p: profile(username: \"%d\") { id }") + "}",
		"as many conflicting as may be": "{ " + numbered(249, "profile(username: \"%d\") { id }") + "}",
		"many histories":                "{ conversation(id: \"a\") { " + numbered(240, "m%d: messages(first: 100) { nodes { body } }") + "} }",
		"wide values":                   "{ nodes(ids: [" + strings.Repeat("1.5,", 3900) + "]) { id } }",
		"deep values":                   "{ nodes(ids: " + strings.Repeat("[", 900) + strings.Repeat("]", 900) + ") { id } }",
		"unknown fields":                "{ viewer { profile { " + numbered(490, "displayNam%d") + "} } }",
		"comments":                      strings.Repeat("#\n", 16000),
		"a block of lines":              `{ profile(username: """` + strings.Repeat("\n", 30000) + `""") { id } }`,
	}
}()

// sendStalling wants any answer but a failure of the server's.
func sendStalling(ctx context.Context, h http.Handler, document string) error {
	body, err := json.Marshal(map[string]any{"query": document})
	if err != nil {
		return fmt.Errorf("write a document: %w", err)
	}
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/graphql", strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/graphql-response+json")
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, r)
	if recorder.Code >= http.StatusInternalServerError {
		return fmt.Errorf("status %d: %.200s", recorder.Code, recorder.Body)
	}
	return nil
}

// heap is what is on the heap and needed, in MB.
func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / 1e6
}
