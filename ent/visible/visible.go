// Package visible is the one vocabulary of visibility: who sees which rows, as SQL predicates. The
// policies of ent/schema apply it to each entity; queries that ent's policies do not reach (joins, raw
// SQL) repeat the same words and are tested against it.
package visible

import (
	"entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"github.com/convenehq/convene/internal/viewer"
)

// A Predicate limits the rows of a query or of a mutation.
type Predicate = func(*sql.Selector)

// A Rule gives the predicate for a viewer; ok is false if it has nothing to say about such a viewer.
type Rule func(v viewer.Viewer) (p Predicate, ok bool)

// OwnedBy lets a person see the rows whose column holds their account.
func OwnedBy(column string) Rule {
	return func(v viewer.Viewer) (Predicate, bool) {
		if v.Kind() != viewer.Person {
			return nil, false
		}
		return func(s *sql.Selector) { s.Where(sql.EQ(s.C(column), v.Account())) }, true
	}
}

// ToAdmins lets those who look after the whole service see all rows: admins, and the operator.
func ToAdmins(v viewer.Viewer) (Predicate, bool) {
	return func(*sql.Selector) {}, v.IsAdmin()
}

// VisibleProfiles lets a person see themselves, and everybody who is not hidden and with whom no block stands, either
// way.
func VisibleProfiles(v viewer.Viewer) (Predicate, bool) {
	if v.Kind() != viewer.Person {
		return nil, false
	}
	return func(s *sql.Selector) {
		s.Where(sql.Or(sql.IsNull(s.C("hidden_at")), sql.EQ(s.C("id"), v.Account())))
		s.Where(sql.Not(blockedWith(s.C("id"), v.Account())))
	}, true
}

// MembersOf lets a person see what belongs to the conversations they are in; column holds the
// conversation's id.
func MembersOf(column string) Rule {
	return func(v viewer.Viewer) (Predicate, bool) {
		if v.Kind() != viewer.Person {
			return nil, false
		}
		return func(s *sql.Selector) {
			m := sql.Table("conversation_members").As("my_membership")
			s.Where(sql.Exists(sql.SelectExpr(sql.Expr("1")).From(m).Where(sql.And(
				sql.ColumnsEQ(m.C("conversation_id"), s.C(column)),
				sql.EQ(m.C("account_id"), v.Account()),
			))))
		}, true
	}
}

// ReadableMessages lets a person see the messages of their conversations from their joining on, but for
// what lies behind a curtain between them and the author. An audience sees its conversation's messages:
// curtains and joinings are applied to each of its members at delivery.
func ReadableMessages(v viewer.Viewer) (Predicate, bool) {
	switch v.Kind() {
	case viewer.Audience:
		return func(s *sql.Selector) { s.Where(sql.EQ(s.C("conversation_id"), v.Conversation())) }, true
	case viewer.Person:
		return func(s *sql.Selector) {
			m := sql.Table("conversation_members").As("my_membership")
			s.Where(sql.Exists(sql.SelectExpr(sql.Expr("1")).From(m).Where(sql.And(
				sql.ColumnsEQ(m.C("conversation_id"), s.C("conversation_id")),
				sql.EQ(m.C("account_id"), v.Account()),
				sql.ColumnsLT(m.C("joined_seq"), s.C("seq")),
			))))
			s.Where(sql.Not(behindCurtain(s, v.Account())))
		}, true
	default:
		return nil, false
	}
}

// blockedWith holds for a profile column and a person between whom a block stands, either way.
func blockedWith(profile string, person uuid.UUID) *sql.Predicate {
	b := sql.Table("blocks").As("between_us")
	return sql.Exists(sql.SelectExpr(sql.Expr("1")).From(b).Where(sql.Or(
		sql.And(sql.ColumnsEQ(b.C("blocker_id"), profile), sql.EQ(b.C("blocked_id"), person)),
		sql.And(sql.EQ(b.C("blocker_id"), person), sql.ColumnsEQ(b.C("blocked_id"), profile)),
	)))
}

// behindCurtain holds for a message written between the block and the unblock of its author and the
// person.
func behindCurtain(s *sql.Selector, person uuid.UUID) *sql.Predicate {
	c := sql.Table("curtains").As("curtain")
	return sql.Exists(sql.SelectExpr(sql.Expr("1")).From(c).Where(sql.And(
		sql.ColumnsEQ(c.C("conversation_id"), s.C("conversation_id")),
		sql.Or(
			sql.And(sql.EQ(c.C("lower_id"), person), sql.ColumnsEQ(c.C("upper_id"), s.C("author_id"))),
			sql.And(sql.EQ(c.C("upper_id"), person), sql.ColumnsEQ(c.C("lower_id"), s.C("author_id"))),
		),
		sql.ColumnsLT(c.C("from_seq"), s.C("seq")),
		sql.Or(sql.IsNull(c.C("until_seq")), sql.ColumnsGT(c.C("until_seq"), s.C("seq"))),
	)))
}
