// Package profile is how others see an account: the handle and the name to show. A profile's id is its
// account's, so that one id addresses a person everywhere.
//
// Two views of a person are told apart. The profile is shown by the viewer's rules: to whoever is signed in
// and kept away by no block. The card is the little that stays visible on what a person wrote, whoever
// reads it: it is read past the rules, by [Service.Cards] alone.
//
// The invariants: a profile exists if and only if its account does; its handle is the account's; version
// goes up by one with each change.
//
// Owns: Profile
package profile
