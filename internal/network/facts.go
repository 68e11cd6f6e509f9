package network

import "github.com/convenehq/convene/internal/fact"

// The kinds of fact that the slice stores.
const (
	factBlocked   = "block.created"
	factUnblocked = "block.deleted"
)

// refBlocked names the person that a block keeps away.
const refBlocked = "blocked"

// withheld is why blocks are on no topic.
const withheld = "nobody may list who avoids whom"

// Facts are the slice's part of the catalogue.
var Facts = []fact.Kind{
	{
		Name: factBlocked, Subject: "account", Refs: []string{refBlocked}, By: []string{"block"}, Withheld: withheld,
		Says: "Somebody keeps another person away.",
	},
	{
		Name: factUnblocked, Subject: "account", Refs: []string{refBlocked}, By: []string{"unblock"}, Withheld: withheld,
		Says: "Somebody no longer keeps another person away.",
	},
}
