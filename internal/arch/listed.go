package arch

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
)

// systemFiles may act as the system, past every rule of visibility, or as the operator. Each says why no
// person's right will do.
var systemFiles = map[string]string{
	"cmd/convene/jobs.go":                     "who has the database's password is the operator",
	"cmd/convene/admin.go":                    "whoever has the database at hand at the command line is the operator",
	"internal/account/attempt.go":             "attempts are nobody's to write",
	"internal/account/authenticate.go":        "whose session it is has to be found out before anybody is somebody",
	"internal/account/changeusername.go":      "whose a username was is nobody's to see",
	"internal/account/deactivate.go":          "the profile is hidden from everybody, by its person or an admin",
	"internal/account/erase.go":               "somebody may be erased by an admin",
	"internal/account/erasedue.go":            "an erasing is due when nobody asks",
	"internal/account/changeemail.go":         "links are nobody's to see",
	"internal/account/deliver.go":             "a mail is sent when nobody asks",
	"internal/account/lapse.go":               "the claims of others end",
	"internal/account/lookatlink.go":          "a link is all that its bearer has",
	"internal/account/requestreset.go":        "who forgot a password is nobody",
	"internal/account/requestverification.go": "links are nobody's to see",
	"internal/account/resetpassword.go":       "a link is all that its bearer has",
	"internal/account/undoemail.go":           "a link is all that its bearer has",
	"internal/account/verify.go":              "a link is all that its bearer has",
	"internal/account/dev.go":                 "the development pages are signed in as nobody",
	"internal/account/lock.go":                "accounts of others are locked, and nothing of them is read",
	"internal/account/oversee.go":             "admins and the operator look after the accounts of others",
	"internal/account/recipient.go":           "a mail is sent when nobody asks",
	"internal/account/refresh.go":             "a refresh token is all that its bearer has",
	"internal/account/register.go":            "who registers is nobody yet",
	"internal/account/signin.go":              "who signs in is nobody yet",
	"internal/account/sweep.go":               "retention is nobody's request",
	"internal/bench/effects.go":               "facts that nobody did, to be measured",
	"internal/fact/worker.go":                 "consumers have effects for everybody whom a fact concerns",
	"internal/audit/sweep.go":                 "retention is nobody's request",
	"internal/audit/write.go":                 "nobody writes the log by their own right",
	"internal/messaging/curtain.go":           "neither of the two may see the curtain between them",
	"internal/messaging/direct.go":            "a conversation is made before it has members",
	"internal/messaging/edit.go":              "numbers are taken, and blocks by whomever looked for, that no person may see",
	"internal/messaging/join.go":              "who becomes a member is not one yet, and blocks by whomever count",
	"internal/messaging/leave.go":             "whoever is taken out does not do it",
	"internal/messaging/open.go":              "a conversation is made before it has members",
	"internal/messaging/veil.go":              "neither of the two may see the curtain between them",
	"internal/network/network.go":             "blocks in the other direction count too, and are not told",
	"internal/profile/card.go":                "a card is shown to whoever may read what its person wrote",
	"internal/demo/seed.go":                   "the demo people are let in by whoever starts the program",
	"internal/invite/createcode.go":           "the operator's codes are nobody's",
	"internal/invite/offer.go":                "whoever was given a code is nobody yet",
	"internal/invite/redeem.go":               "whoever joins is nobody yet",
	"internal/invite/referral.go":             "accounts of others are counted, and nothing of them is read",
	"internal/invite/revokecode.go":           "admins and the operator look after the codes of others",
	"internal/invite/sweep.go":                "retention is nobody's request",
	"internal/invite/write.go":                "a mail is sent when nobody asks",
}

// writersElse are files that write entities of whomever to set something up, as tests may. Each says why the owner's use
// case will not do.
var writersElse = map[string]string{
	"internal/bench/resume.go": "5,000 people who register take a hash of a password each, which is minutes",
}

// actingAsSystem holds viewer.AsSystem, and ent's own way past its policies, to the listed files.
func actingAsSystem(t *Tree) []Violation {
	return listed(t, systemFiles, "systemFiles", func(f *GoFile, n ast.Node) string {
		s, ok := n.(*ast.SelectorExpr)
		switch {
		case !ok || f.Folder == "internal/viewer":
			return ""
		case s.Sel.Name == "AsSystem":
			return "acts as the system"
		case s.Sel.Name == "AsOperator":
			return "acts as the operator"
		case s.Sel.Name == "DecisionContext":
			return "decides ahead of the policies"
		}
		return ""
	})
}

// sqlFiles have SQL written by hand, which ent's policies do not reach. Each says why ent will not do.
var sqlFiles = map[string]string{
	"internal/account/username.go":         "functions that say which names look alike, over everybody's names",
	"internal/invite/write.go":             "a lock on an address that nobody has a row for",
	"internal/account/activity.go":         "counts of everybody's attempts, for admins, without a row of anybody's",
	"internal/bench/effects.go":            "a table of its own for the effects that are measured",
	"internal/bench/sweep.go":              "hundreds of thousands of streams at once",
	"internal/chaos/truth.go":              "everything as PostgreSQL has it, past every rule, to hold against it what clients were given",
	"internal/bench/backend.go":            "asks PostgreSQL what it is, for the report",
	"internal/db/connector.go":             "it is what ent's own statements go through",
	"internal/db/epoch.go":                 "reads PostgreSQL's own identity; about no person",
	"internal/db/migrate.go":               "makes the tables that ent needs",
	"internal/db/secret.go":                "a table of the infrastructure; about no person",
	"internal/db/statement.go":             "hands the pool to the collector of its figures, and runs nothing",
	"internal/fact/park.go":                "tables that are no entities: the operator's view of them",
	"internal/fact/published.go":           "a table that is no entity: many facts marked at once",
	"internal/fact/queue.go":               "tables that are no entities: claims, and what comes next in each partition",
	"internal/fact/stats.go":               "tables that are no entities: how the queues stand",
	"internal/fact/store.go":               "facts and their queue rows in one call",
	"internal/fact/sweep.go":               "partitions are made and dropped",
	"internal/fact/worker.go":              "savepoints",
	"internal/feed/consume.go":             "many feeds in one call of a function that locks their heads first",
	"internal/feed/feed.go":                "hands the pool to the reader of streams",
	"internal/feed/source.go":              "tables that are no entities: a feed's entries after a number in one snapshot",
	"internal/feed/sweep.go":               "old entries go and the floor rises in one statement, so that no replay has holes",
	"internal/live/moved.go":               "runs a source's own query, which says which heads there are",
	"internal/messaging/feed.go":           "who sees a change, of all members of many conversations in one statement",
	"internal/job/migrate.go":              "asks how far river's own tables are",
	"internal/job/queue.go":                "hands the pool to river",
	"internal/job/kind.go":                 "hands the transaction to river, so that a job commits with what it belongs to",
	"internal/job/state.go":                "river's own table, which ent does not know; shows no arguments",
	"internal/job/stats.go":                "river's own table, which ent does not know; counts only",
	"internal/audit/scrub.go":              "what ent lets nobody do: the log is not changed but for this",
	"internal/messaging/erase.go":          "columns that are immutable else, of many rows, under locks in the order of ids",
	"internal/mail/mailbox.go":             "a table of development only; about no person of production",
	"internal/messaging/appender.go":       "many messages in one call of a function that locks first and then looks again",
	"internal/messaging/curtain.go":        "locks the conversations that two people share, in the order of their ids",
	"internal/messaging/join.go":           "between which members blocks stand, in one statement; blocks are nobody's to see",
	"internal/messaging/messaging.go":      "hands the pool to the reader of streams",
	"internal/messaging/presence.go":       "whose presence a member may know, of many conversations in one statement; blocks are nobody's to see",
	"internal/messaging/presencesignal.go": "who may know that somebody has come, of many people in one statement; blocks are nobody's to see",
	"internal/messaging/typing.go":         "membership, blocks and card in one statement; blocks are nobody's to see",
	"internal/messaging/stream.go":         "messages and other entries after a number in one snapshot; judged at delivery",
	"internal/messaging/sweep.go":          "old entries go and the floor rises in one statement, so that no replay has holes",
	"internal/messaging/view.go":           "a page of the inbox in one statement instead of six",
	"internal/account/attempt.go":          "when many people last signed in, in one statement that locks them in their order",
	"internal/account/try.go":              "tries are counted in one call of a function that locks first and then looks again",
	"internal/account/standing.go":         "sessions with their accounts, of many people in one statement",
	"internal/bench/resume.go":             "thousands of people who did not register, which would take a hash of a password each",
	"internal/messaging/sight.go":          "joinings and curtains, which members may not see, of many members in one snapshot",
	"internal/messaging/veil.go":           "texts together with what hides them from the viewer, in one snapshot",
}

var (
	sqlCalls    = []string{"QueryContext", "ExecContext", "QueryRowContext", "PrepareContext"}
	sqlCallsOld = []string{"Query", "Exec", "QueryRow", "Prepare"}
	sqlBuilders = []string{"Raw", "Expr", "ExprP", "ExprFunc"}
	// poolCalls are what one asks of a pool without running a statement.
	poolCalls = []string{"Close", "PingContext", "Stats"}
)

// sqlByHand holds hand-written SQL to the listed files: statements, raw expressions in ent's builder, and
// modifiers, which may join what no policy has looked at.
func sqlByHand(t *Tree) []Violation {
	harmless := map[ast.Node]bool{}
	return listed(t, sqlFiles, "sqlFiles", func(_ *GoFile, n ast.Node) string {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if slices.Contains(poolCalls, n.Sel.Name) {
				harmless[n.X] = true
			}
			switch pkg, _ := n.X.(*ast.Ident); {
			case n.Sel.Name == "SQL" && !harmless[n], n.Sel.Name == "SQLTx":
				return "reaches for the database past ent"
			case slices.Contains(sqlCalls, n.Sel.Name):
				return "calls " + n.Sel.Name
			case pkg != nil && (pkg.Name == "sql" || pkg.Name == "entsql") && slices.Contains(sqlBuilders, n.Sel.Name):
				return "writes a raw expression with sql." + n.Sel.Name
			}
		case *ast.CallExpr:
			s, ok := n.Fun.(*ast.SelectorExpr)
			switch {
			case !ok:
			case s.Sel.Name == "Modify":
				return "modifies a query past the policies"
			case slices.Contains(sqlCallsOld, s.Sel.Name) && len(n.Args) > 0 && isString(n.Args[0]):
				return "calls " + s.Sel.Name + " with a statement"
			}
		}
		return ""
	})
}

func isString(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return e.Kind == token.STRING
	case *ast.BinaryExpr:
		return isString(e.X)
	}
	return false
}

// listed reports the first place of each file that does something and is not in the table, and the lines
// of the table that nothing needs.
func listed(t *Tree, files map[string]string, table string, does func(*GoFile, ast.Node) string) []Violation {
	var found []Violation
	needed := map[string]bool{}
	for _, f := range t.Go {
		if f.IsTest || f.IsGenerated || in(f.Folder, "ent") {
			continue
		}
		ast.Inspect(f.AST, func(n ast.Node) bool {
			if n == nil || needed[f.Path] {
				return false
			}
			what := does(f, n)
			if what == "" {
				return true
			}
			needed[f.Path] = true
			if files[f.Path] == "" {
				found = append(found, Violation{
					File: f.Path, Line: f.line(n), What: what,
					Remedy: fmt.Sprintf("Do without, or list the file with its reason in %s (internal/arch/listed.go)", table),
				})
			}
			return false
		})
	}
	for name := range files {
		if !needed[name] {
			found = append(found, Violation{
				File: "internal/arch/listed.go", What: fmt.Sprintf("%s lists %s, which does not need it", table, name),
				Remedy: "Take the line out",
			})
		}
	}
	return found
}
