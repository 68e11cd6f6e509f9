// Package testkit gives tests a real PostgreSQL and a real Redis. Each test gets a database of its own,
// cloned from a migrated template in some 20 ms.
//
// A package that needs them has
//
//	func TestMain(m *testing.M) { testkit.Main(m) }
//
// With CONVENE_TEST_DATABASE_URL and CONVENE_TEST_REDIS_URL set, as `make test` does for one shared
// throw-away cluster, those are used; otherwise the package starts its own and stops it at the end.
// Databases of other names are never touched.
package testkit
