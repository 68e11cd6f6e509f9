package profile

import "github.com/convenehq/convene/internal/fact"

const factUpdated = "profile.updated"

// Facts are the slice's part of the catalogue.
var Facts = []fact.Kind{
	{
		Name: factUpdated, Subject: "profile", By: []string{"updateProfile", "changeUsername"},
		Says: "Somebody has changed how others see them.",
	},
}
