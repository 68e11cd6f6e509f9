// Package token makes and checks everything that proves something by itself: access tokens, refresh
// tokens, the values of session cookies, and keyed hashes. It is the one home of golang-jwt and knows no
// slice.
//
// All of it hangs on a [Ring] of secrets, newest first. What is made is made with the newest; what is
// checked may come from any. A key is rotated by putting a new one in front and dropping the old one once
// what it signed has ended. No secret is used as it is: HKDF derives a key for each purpose, so that what
// was made for one purpose can't be passed off for another.
//
// Access tokens are Ed25519 JWTs of 15 minutes, so that other services can check them with what
// /.well-known/jwks.json says.
//
// Refresh tokens are not random strings whose hashes are stored. They prove themselves: base64url of a
// version, a hint at the key, the session, its generation, and a keyed hash over these. The session's row
// stores the number of the current generation only. So
//
//   - nothing token-like is at rest: a stolen copy of the database signs nobody in,
//   - the successor of a generation is the same whoever asks, so two tabs that refresh at once get the same
//     token without anything being remembered for them,
//   - a token of an older generation is recognized as such, however old, which is how a theft is noticed,
//   - a made-up token costs no statement.
//
// The price is that a secret that leaks lets its holder make tokens for sessions whose ids they know,
// until the key is dropped from the ring. The same holds for access tokens in any such design.
package token
