package graph_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/convenehq/convene/ent"
	"github.com/convenehq/convene/graph/relay"
	"github.com/convenehq/convene/internal/fault"
	"github.com/convenehq/convene/internal/viewer"
)

func (a *api) block(t testing.TB, from, to viewer.Viewer) {
	t.Helper()
	ctx := viewer.AsSystem(t.Context(), "test")
	if err := a.db.Ent.Block.Create().SetBlockerID(from.Account()).SetBlockedID(to.Account()).Exec(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestProfile(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	ada, bob, carol := a.person(t, "ada"), a.person(t, "bob"), a.person(t, "carol")
	a.block(t, carol, ada)
	const find = `query ($username: String!) { profile(username: $username) { id username displayName isViewer version } }`
	shown := func(v viewer.Viewer, username string, isViewer bool) map[string]any {
		return map[string]any{
			"id": string(relay.NewID(ent.ProfilePrefix, v.Account())), "username": username,
			"displayName": "Name of " + username, "isViewer": isViewer, "version": float64(1),
		}
	}
	for name, c := range map[string]struct {
		asks     viewer.Viewer
		username string
		want     any
	}{
		"is found by its handle":                      {ada, "bob", shown(bob, "bob", false)},
		"is found with an @ and capitals":             {ada, "@Bob", shown(bob, "bob", false)},
		"is oneself":                                  {ada, "ada", shown(ada, "ada", true)},
		"that does not exist is null":                 {ada, "dave", nil},
		"of somebody who blocks the viewer is null":   {ada, "carol", nil},
		"of somebody whom the viewer blocks is null":  {carol, "ada", nil},
		"is null for nobody":                          {viewer.Viewer{}, "bob", nil},
		"of a third person is not hidden by a block":  {bob, "carol", shown(carol, "carol", false)},
		"is looked for in vain under an empty handle": {ada, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := a.ok(t, c.asks, find, vars{"username": c.username})
			if diff := cmp.Diff(c.want, got["profile"]); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("is found as a node by who may see it", func(t *testing.T) {
		t.Parallel()
		const node = `query ($id: ID!) { node(id: $id) { id ... on Profile { username } } }`
		id := relay.NewID(ent.ProfilePrefix, carol.Account())
		if got := a.ok(t, bob, node, vars{"id": string(id)}); at(t, got, "node", "username") != "carol" {
			t.Errorf("bob sees %v", got)
		}
		if got := a.ok(t, ada, node, vars{"id": string(id)}); got["node"] != nil {
			t.Errorf("ada sees %v", got)
		}
	})
}

func TestUpdateProfile(t *testing.T) {
	t.Parallel()
	const update = `mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) {
		profile { displayName version } userErrors { code field }
	} }`
	change := func(in vars) vars { return vars{"input": in} }
	answer := func(name string, version int, errs ...any) map[string]any {
		if errs == nil {
			errs = []any{}
		}
		return map[string]any{
			"profile": map[string]any{"displayName": name, "version": float64(version)}, "userErrors": errs,
		}
	}
	refused := func(code string, field string) any {
		return map[string]any{"code": code, "field": []any{"input", field}}
	}
	t.Run("changes one's own, and leaves what is absent or null", func(t *testing.T) {
		t.Parallel()
		a := newAPI(t)
		ada := a.person(t, "ada")
		for _, c := range []struct {
			in   vars
			want map[string]any
		}{
			{vars{"displayName": "Ada"}, answer("Ada", 2)},
			{vars{"displayName": "Ada Lovelace", "expectedVersion": 2}, answer("Ada Lovelace", 3)},
			{vars{}, answer("Ada Lovelace", 3)},
			{vars{"displayName": nil, "expectedVersion": 3}, answer("Ada Lovelace", 3)},
			{vars{"displayName": "Eve", "expectedVersion": 2}, answer("Ada Lovelace", 3, refused("CONFLICT", "expectedVersion"))},
		} {
			if diff := cmp.Diff(c.want, at(t, a.ok(t, ada, update, change(c.in)), "updateProfile")); diff != "" {
				t.Errorf("%v: %s", c.in, diff)
			}
		}
	})
	t.Run("refuses a bad name", func(t *testing.T) {
		t.Parallel()
		a := newAPI(t)
		got := at(t, a.ok(t, a.person(t, "ada"), update, change(vars{"displayName": "\n"})), "updateProfile")
		want := map[string]any{"profile": nil, "userErrors": []any{refused("DISPLAY_NAME_INVALID", "displayName")}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("asks nobody to sign in first", func(t *testing.T) {
		t.Parallel()
		a := newAPI(t)
		if got := a.do(t.Context(), t, viewer.Viewer{}, update, change(vars{"displayName": "X"})); got.code(t) != fault.CodeUnauthenticated {
			t.Errorf("got %v", got.Errors)
		}
	})
}
