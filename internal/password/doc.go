// Package password judges new passwords: whether somebody would guess one who tries what others use.
//
// What it promises: a password that stands in a list is refused, in any case of letters and with the usual
// digits and signs in place of letters. It needs no network. Nothing of a password is logged, and
// online, which is off unless it is asked for, five of the forty digits of its hash are told, which some
// thousand leaked passwords share.
//
// The list that comes with Convene is made here: words.txt has words that people make passwords of, and Grow
// adds what people put before and behind them. common.bin is the result, some 250,000 passwords by 40 bits
// of their hashes: one good password in four million is taken for one of them. An operator can give a
// list of leaked passwords besides.
package password

//go:generate go run ./grow
