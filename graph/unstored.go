package graph

// Unstored are the mutations that store no fact, or not as a rule, each with the reason. A test executes every
// mutation and holds it to the catalogue or to this table.
var Unstored = map[string]string{
	"reauthenticate":           "The same session goes on, and nothing changes for anybody.",
	"refreshSession":           "The same session goes on. Only an old token that comes again ends it, which is stored.",
	"sendMessage":              "The message is its own fact, kept for longer than facts are. The first between two people stores that their conversation was opened.",
	"markConversationRead":     "It concerns that member alone: a burst for their own feed.",
	"requestEmailVerification": "A mail is sent again; nothing about the account changes.",
	"requestPasswordReset":     "It tells nothing, also not whether there is such an account; what comes of it is stored by resetPassword.",
	"startTyping":              "It says what is so for five seconds: whoever is there is told, and nothing is kept.",
	"visitConversation":        "It concerns that member alone: a burst for their own feed.",
}
