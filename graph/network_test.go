package graph_test

import (
	"testing"
)

const (
	block   = `mutation ($input: BlockInput!) { block(input: $input) { block { id blocked { username } createdAt } userErrors { code field } } }`
	unblock = `mutation ($input: UnblockInput!) { unblock(input: $input) { profile { username } userErrors { code field } } }`
)

func TestBlock(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	ada, bob, eve := a.person(t, "ada"), a.person(t, "bob"), a.person(t, "eve")
	_, c := a.send(t, ada, vars{"recipientId": profileID(bob), "body": "before"})
	first := a.ok(t, ada, block, vars{"input": vars{"profileId": profileID(bob)}})

	t.Run("blocking twice answers the block that stands", func(t *testing.T) {
		again := a.ok(t, ada, block, vars{"input": vars{"profileId": profileID(bob)}})
		if at(t, again, "block", "block", "id") != at(t, first, "block", "block", "id") {
			t.Fatalf("got %v and %v", first, again)
		}
	})
	t.Run("only the blocker has it in a list", func(t *testing.T) {
		const blocks = `{ viewer { blocks { nodes { id blocked { username } } } } }`
		if at(t, a.ok(t, ada, blocks, nil), "viewer", "blocks", "nodes", 0, "blocked", "username") != "bob" {
			t.Fatal("the block is not listed")
		}
		if n := len(at(t, a.ok(t, bob, blocks, nil), "viewer", "blocks", "nodes").([]any)); n != 0 {
			t.Fatalf("the blocked has %d blocks", n)
		}
		id := at(t, first, "block", "block", "id")
		if got := a.ok(t, bob, `query ($id: ID!) { node(id: $id) { id } }`, vars{"id": id}); got["node"] != nil {
			t.Fatalf("the blocked finds the block: %v", got)
		}
	})
	t.Run("neither sees the other's profile, as if there were none", func(t *testing.T) {
		const profile = `query ($name: String!) { profile(username: $name) { id } }`
		if got := a.ok(t, bob, profile, vars{"name": "ada"}); got["profile"] != nil {
			t.Fatalf("got %v", got)
		}
		if got := a.ok(t, ada, profile, vars{"name": "bob"}); got["profile"] != nil {
			t.Fatalf("got %v", got)
		}
		if got := a.ok(t, eve, profile, vars{"name": "ada"}); got["profile"] == nil {
			t.Fatal("a third person does not see the profile")
		}
	})
	t.Run("the conversation stays in both inboxes with the author's card and without the profile", func(t *testing.T) {
		const q = `{ viewer { inbox { nodes { id lastMessage { body author { username profile { id } } } otherMembers { username profile { id } } } } } }`
		row := at(t, a.ok(t, bob, q, nil), "viewer", "inbox", "nodes", 0)
		if at(t, row, "id") != c["id"] || at(t, row, "lastMessage", "author", "username") != "ada" || at(t, row, "lastMessage", "author", "profile") != nil {
			t.Fatalf("got %v", row)
		}
	})
	t.Run("neither can write, by whichever way", func(t *testing.T) {
		for _, input := range []vars{{"conversationId": c["id"], "body": "?"}, {"recipientId": profileID(ada), "body": "?"}} {
			if got := a.refusal(t, bob, sendMessage, input); got != "CANNOT_MESSAGE[input conversationId]" && got != "CANNOT_MESSAGE[input recipientId]" {
				t.Fatalf("got %s", got)
			}
		}
	})
	t.Run("somebody who does not exist, and oneself", func(t *testing.T) {
		if got := a.refusal(t, ada, block, vars{"profileId": "profile_01k3yvafbre5b8ck8k5fpn6a1r"}); got != "NOT_FOUND[input profileId]" {
			t.Fatalf("got %s", got)
		}
		if got := a.refusal(t, ada, block, vars{"profileId": profileID(ada)}); got != "SELF[input profileId]" {
			t.Fatalf("got %s", got)
		}
	})
	t.Run("after the unblock all is as before", func(t *testing.T) {
		got := a.ok(t, ada, unblock, vars{"input": vars{"profileId": profileID(bob)}})
		if at(t, got, "unblock", "profile", "username") != "bob" {
			t.Fatalf("got %v", got)
		}
		a.send(t, bob, vars{"conversationId": c["id"], "body": "hello again"})
	})
}
