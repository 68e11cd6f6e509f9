package server_test

import (
	"cmp"
	"fmt"
	"html"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// Where things stand in the picture, in pixels.
const (
	wide, rowHigh, barHigh = 980.0, 25.0, 15.0
	margin, namesWide      = 20.0, 260.0
	barsFrom, barsTo       = margin + namesWide, wide - margin - 116 // what a bar says stands behind it
	headHigh, titleHigh    = 76.0, 32.0
)

const waterfallStyle = `
    text { font: 14px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2430; }
    .name { font-weight: 600; font-size: 15px; } .small { font-size: 12px; fill: #5a6376; }
    .span { font: 12.5px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
    .middle { text-anchor: middle; }
    .ground { fill: #fbfbfd; stroke: #d9dce5; } .tick { stroke: #d9dce5; }
    .a { fill: #4a6cd4; } .b { fill: #a14fc0; } .pg { fill: #2f8a57; }
    .link { fill: none; stroke: #c8562e; stroke-width: 1.6; stroke-dasharray: 5 4; }
    .tip { fill: #c8562e; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6e9f0; } .small { fill: #a7b0c2; }
      .ground { fill: #14171e; stroke: #343a47; } .tick { stroke: #343a47; }
      .a { fill: #7d9bf5; } .b { fill: #cf8ceb; } .pg { fill: #5fc08a; }
      .link { stroke: #f0916d; } .tip { fill: #f0916d; }
    }
`

// A waterfall draws traces below each other on one time axis: a row for each span, indented below its parent.
type waterfall struct {
	strings.Builder

	below       map[trace.SpanID]tracetest.SpanStubs
	first, last time.Time
	at          float64              // the top of the next row
	bars        map[trace.SpanID]bar // what is drawn, for links to end at
}

type bar struct{ from, middle float64 }

// drawWaterfall draws the traces whose first spans are roots, each under its title.
func drawWaterfall(spans, roots tracetest.SpanStubs, titles []string) string {
	w := &waterfall{below: map[trace.SpanID]tracetest.SpanStubs{}, bars: map[trace.SpanID]bar{}}
	shown := slices.DeleteFunc(slices.Clone(spans), func(s tracetest.SpanStub) bool {
		return !slices.ContainsFunc(roots, func(r tracetest.SpanStub) bool { return r.SpanContext.TraceID() == s.SpanContext.TraceID() })
	})
	for _, s := range shown {
		w.below[s.Parent.SpanID()] = append(w.below[s.Parent.SpanID()], s)
	}
	w.first = slices.MinFunc(shown, func(a, b tracetest.SpanStub) int { return a.StartTime.Compare(b.StartTime) }).StartTime
	w.last = slices.MaxFunc(shown, func(a, b tracetest.SpanStub) int { return a.EndTime.Compare(b.EndTime) }).EndTime
	high := headHigh + float64(len(roots))*(titleHigh+14) + float64(len(shown))*rowHigh + 30
	w.head(high)
	w.at = headHigh
	for i, root := range roots {
		top := w.at
		w.add(`<text class="name" x="%.0f" y="%.1f">%s</text>`, margin+12, top+22, html.EscapeString(titles[i]))
		w.at += titleHigh
		w.rows(root, 0)
		w.at += 14
	}
	w.links(shown)
	w.WriteString("</svg>\n")
	return w.String()
}

func (w *waterfall) add(format string, values ...any) {
	_, _ = fmt.Fprintf(w, "  "+format+"\n", values...)
}

func (w *waterfall) x(at time.Time) float64 {
	return barsFrom + (barsTo-barsFrom)*float64(at.Sub(w.first))/float64(w.last.Sub(w.first))
}

func (w *waterfall) head(high float64) {
	_, _ = fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img" aria-labelledby="title desc">`+"\n", wide, high, wide, high)
	w.add(`<title id="title">The traces of two sends over two nodes</title>`)
	w.add(`<desc id="desc">Each row is a span, indented below its parent. Both requests wait in append for one call of append_messages, which belongs to the first and is linked with the second. After it each is published, and delivered on node A and on node B.</desc>`)
	w.add("<style>%s  </style>", waterfallStyle)
	w.add(`<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path class="tip" d="M0 1 L10 5 L0 9 z"/></marker></defs>`)
	w.add(`<rect class="ground" x="0.5" y="0.5" width="%.0f" height="%.0f" rx="12"/>`, wide-1, high-1)
	for i, key := range []struct{ class, text string }{{"a", "node A"}, {"pg", "node A waits for PostgreSQL"}, {"b", "node B"}} {
		x := barsFrom + []float64{0, 92, 326}[i]
		w.add(`<rect class="%s" x="%.0f" y="22" width="14" height="14" rx="3"/><text x="%.0f" y="34">%s</text>`, key.class, x, x+20, key.text)
	}
	w.add(`<path class="link" d="M%.0f 29 h34"/><text x="%.0f" y="34">link, both ways</text>`, barsFrom+418, barsFrom+460)
	w.add(`<text class="name" x="%.0f" y="34">Two traces</text>`, margin+12)
	step := time.Millisecond
	for w.last.Sub(w.first) > 7*step {
		step *= 2
	}
	for at := time.Duration(0); at <= w.last.Sub(w.first); at += step {
		x := w.x(w.first.Add(at))
		w.add(`<path class="tick" d="M%.1f %.0f V%.0f"/><text class="small middle" x="%.1f" y="%.0f">%g ms</text>`, x, headHigh-8, high-18, x, headHigh-14, at.Seconds()*1000)
	}
}

// rows draws a span and, below it, what belongs to it, in the order in which it began.
func (w *waterfall) rows(s tracetest.SpanStub, depth float64) {
	class, more := "a", ""
	switch {
	case s.SpanKind == trace.SpanKindClient:
		class = "pg"
	case s.SpanKind == trace.SpanKindConsumer && s.Parent.IsRemote():
		class, more = "b", " on B"
	case s.SpanKind == trace.SpanKindConsumer:
		more = " on A"
	}
	for _, a := range s.Attributes {
		if a.Key == "convene.messages" {
			more = " for " + a.Value.String() + " messages"
		}
	}
	from, to, middle := w.x(s.StartTime), w.x(s.EndTime), w.at+rowHigh/2
	w.bars[s.SpanContext.SpanID()] = bar{from, middle}
	w.add(`<text class="span" x="%.0f" y="%.1f">%s</text>`, margin+12+14*depth, middle+4, html.EscapeString(s.Name))
	w.add(`<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.0f" rx="2.5"/>`, class, from, middle-barHigh/2, max(to-from, 2), barHigh)
	w.add(`<text class="small" x="%.1f" y="%.1f">%s%s</text>`, max(from+2, to)+6, middle+4, inWords(s.EndTime.Sub(s.StartTime)), more)
	w.at += rowHigh
	below := w.below[s.SpanContext.SpanID()]
	slices.SortFunc(below, func(a, b tracetest.SpanStub) int {
		return cmp.Or(a.StartTime.Compare(b.StartTime), cmp.Compare(a.Name, b.Name))
	})
	for _, child := range below {
		w.rows(child, depth+1)
	}
}

func inWords(d time.Duration) string {
	if d < time.Millisecond {
		return fmt.Sprintf("%d µs", d.Microseconds())
	}
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

// links draws those between sends and what carried them, which name each other.
func (w *waterfall) links(shown tracetest.SpanStubs) {
	for _, s := range shown {
		for _, l := range s.Links {
			batch, ok := w.bars[l.SpanContext.SpanID()]
			if from := w.bars[s.SpanContext.SpanID()]; ok && s.Name == "append" {
				x := from.from
				for _, b := range w.bars { // to the left of whatever is between
					if b.middle >= batch.middle && b.middle <= from.middle {
						x = min(x, b.from)
					}
				}
				x -= 12
				w.add(`<path class="link" marker-start="url(#arrow)" marker-end="url(#arrow)" d="M%.1f %.1f H%.1f V%.1f H%.1f"/>`, from.from, from.middle, x, batch.middle, batch.from)
			}
		}
	}
}
