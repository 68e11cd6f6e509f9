package db_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/convenehq/convene/internal/telemetry"
	"github.com/convenehq/convene/internal/testkit"
)

func TestReport(t *testing.T) {
	t.Parallel()
	d := testkit.DB(t)
	r := telemetry.NewRegistry()
	d.Report(r)
	testkit.Person(t, d, "ada")
	if _, err := d.SQL.ExecContext(t.Context(), "INSERT INTO profiles SELECT * FROM profiles"); err == nil {
		t.Fatal("a profile could be doubled")
	}
	if _, err := d.SQL.ExecContext(t.Context(), "nonsense"); err == nil {
		t.Fatal("nonsense is a statement")
	}
	w := httptest.NewRecorder()
	r.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	for _, series := range []string{
		`convene_sql_duration_seconds_count{verb="BEGIN"}`, `convene_sql_duration_seconds_count{verb="INSERT"}`,
		`convene_sql_duration_seconds_count{verb="COMMIT"}`, `convene_sql_duration_seconds_count{verb="OTHER"}`,
		`convene_sql_errors_total{kind="unique"}`, `convene_sql_errors_total{kind="other"}`, `go_sql_open_connections{db_name="convene"}`,
	} {
		if text := w.Body.String(); !strings.Contains(text, "\n"+series+" ") || strings.Contains(text, "\n"+series+" 0\n") {
			t.Errorf("%s is not counted", series)
		}
	}
	if strings.Contains(w.Body.String(), "nonsense") {
		t.Error("a statement's text became a series")
	}
}
