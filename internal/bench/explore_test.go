package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestExplore(t *testing.T) {
	ctx := context.Background()
	b := &bench{say: t.Logf}
	h, err := openHouse(ctx, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	b.house = h
	n, err := h.open(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	people, _, err := fillInboxes(ctx, h, n)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pairs(ctx, n, people, 1)
	if err != nil {
		t.Fatal(err)
	}
	all = all[:200]
	log := filepath.Join(h.services.DataDir, "log", "postgres.log")
	mark := func(s string) int { text, _ := os.ReadFile(log); return len(text) }
	since := func(n int) string { text, _ := os.ReadFile(log); return string(text[n:]) }
	set := func(ss ...string) {
		for _, s := range ss {
			if _, err := n.db.SQL.ExecContext(ctx, s); err != nil {
				t.Fatal(err)
			}
		}
	}
	what := os.Getenv("EXPLORE")
	if sql := os.Getenv("EXPLORE_SQL"); sql != "" {
		set(sql)
		_ = n.close()
		if n, err = h.open(ctx, nil); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(what, "plan") {
		raw, _ := os.ReadFile("/tmp/inbox.sql")
		query := string(raw)
		set("CREATE FUNCTION inbox(p_viewer uuid, p_others bigint, p_limit bigint) RETURNS SETOF record LANGUAGE plpgsql STABLE AS $f$ BEGIN RETURN QUERY " +
			strings.NewReplacer("$1", "p_viewer", "$2", "p_others", "$3", "p_limit").Replace(query) + "; END $f$")
		set("CREATE FUNCTION inbox2(p_viewer uuid, p_others bigint, p_limit bigint) RETURNS SETOF record LANGUAGE plpgsql STABLE SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $f$ BEGIN RETURN QUERY " +
			strings.NewReplacer("$1", "p_viewer", "$2", "p_others", "$3", "p_limit").Replace(query) + "; END $f$")
		cols := " AS x(id uuid, created_at timestamptz, kind varchar, title varchar, seq bigint, floor_seq bigint, last_message_at timestamptz, last_read_seq bigint, last_visit_at timestamptz, at timestamptz, lid uuid, lseq bigint, author_id uuid, body text, reply_to_id uuid, lcreated timestamptz, edited_at timestamptz, deleted_at timestamptz, version bigint, username varchar, display_name varchar, n bigint, cards json)"
		stmt, err := n.db.SQL.PrepareContext(ctx, query)
		if err != nil {
			t.Fatal(err)
		}
		for round := range 3 {
			for _, how := range []string{"query", "prepared", "function", "function2"} {
				before, began := h.costs(), time.Now()
				const times = 400
				for i := range times {
					who := people[i%len(people)].id
					var rows *sql.Rows
					switch how {
					case "prepared":
						rows, err = stmt.QueryContext(ctx, who, 5, 21)
					case "query":
						rows, err = n.db.SQL.QueryContext(ctx, query, who, 5, 21)
					case "function":
						rows, err = n.db.SQL.QueryContext(ctx, "SELECT * FROM inbox($1,$2,$3)"+cols, who, 5, 21)
					case "function2":
						rows, err = n.db.SQL.QueryContext(ctx, "SELECT * FROM inbox2($1,$2,$3)"+cols, who, 5, 21)
					}
					if err != nil {
						t.Fatal(err)
					}
					count := 0
					for rows.Next() {
						count++
					}
					if rows.Err() != nil || count != 20 {
						t.Fatal(rows.Err(), count)
					}
					rows.Close()
				}
				c := h.costs().since(before).per(times)
				t.Logf("%d %-10s db %v own %v, %v each", round, how, c.database, c.own, time.Since(began)/times)
			}
		}
	}
	if strings.Contains(what, "grow") {
		for i := range 6 {
			s, err := sendMessages(ctx, b, n, all, 2*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			var count int
			var reads string
			_ = n.db.SQL.QueryRow("SELECT count(*) FROM messages").Scan(&count)
			rows, _ := n.db.SQL.Query("SELECT relname, seq_scan, seq_tup_read, idx_scan, idx_tup_fetch, n_tup_upd, n_tup_hot_upd, n_dead_tup, pg_relation_size(relid) FROM pg_stat_user_tables WHERE relname IN ('messages','conversations','conversation_members','blocks','profiles','curtains') ORDER BY 1")
			for rows.Next() {
				var name string
				var v [8]int64
				_ = rows.Scan(&name, &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7])
				reads += fmt.Sprintf("\n   %-22s seq %d (%d rows) idx %d (%d) upd %d hot %d dead %d size %d", name, v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7])
			}
			rows.Close()
			t.Logf("%d: %.0f/s db %v own %v p99 %v, %d messages%s", i, s.perSecond, s.each.database, s.each.own, s.p99, count, reads)
			if i == 4 && strings.Contains(what, "analyze") {
				set("ANALYZE")
			}
		}
	}
	if strings.Contains(what, "explain") {
		set("ALTER DATABASE convene SET session_preload_libraries = 'auto_explain'",
			"ALTER DATABASE convene SET auto_explain.log_min_duration = 0",
			"ALTER DATABASE convene SET auto_explain.log_analyze = on",
			"ALTER DATABASE convene SET auto_explain.log_buffers = on",
			"ALTER DATABASE convene SET auto_explain.log_nested_statements = on")
		_ = n.close()
		if n, err = h.open(ctx, nil); err != nil {
			t.Fatal(err)
		}
		for range 7 {
			m := mark("")
			if _, err := load(ctx, n, people, 1, time.Millisecond); err != nil {
				t.Fatal(err)
			}
			_ = os.WriteFile("/tmp/explore-inbox.log", []byte(since(m)), 0o644)
		}
		m := mark("")
		if _, err := sendMessages(ctx, b, n, all, 100*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		_ = os.WriteFile("/tmp/explore-send.log", []byte(since(m)), 0o644)
	}
	if strings.Contains(what, "stats") {
		set("ALTER DATABASE convene SET log_planner_stats = on",
			"ALTER DATABASE convene SET log_parser_stats = on",
			"ALTER DATABASE convene SET log_executor_stats = on")
		_ = n.close()
		if n, err = h.open(ctx, nil); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			m := mark("")
			if _, err := load(ctx, n, people, 1, 5*time.Millisecond); err != nil {
				t.Fatal(err)
			}
			_ = os.WriteFile("/tmp/explore-stats.log", []byte(since(m)), 0o644)
		}
	}
	_ = n.close()
}
