package password

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// shortest is the length below which no password is taken anyway, in characters.
const shortest = 8

// stemMark stands in front of the words themselves, which the set has besides the passwords made of them.
const stemMark = "\x00"

// Grow makes the file of common passwords of the words: each with what people put before and behind it. It
// answers how many passwords are in it.
func Grow(words io.Reader, to io.Writer) (int, error) {
	var all []string
	lines := bufio.NewScanner(words)
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "#")
		all = append(all, strings.Fields(line)...)
	}
	if err := lines.Err(); err != nil {
		return 0, fmt.Errorf("read the words: %w", err)
	}
	before, behind := ends()
	var passwords, hashes []uint64
	add := func(p string) {
		if len([]rune(p)) >= shortest {
			passwords = append(passwords, hashOf(p))
		}
	}
	for _, word := range all {
		word = fold(word)
		hashes = append(hashes, hashOf(stemMark+word))
		add(word)
		add(word + word)
		for _, b := range behind {
			add(word + b)
		}
		for _, b := range before {
			add(b + word)
		}
	}
	grown := newSet(passwords)
	return len(grown), newSet(append(hashes, grown...)).write(to)
}

// ends are what people put before a word, and behind it.
func ends() (before, behind []string) {
	before = strings.Fields("my the i 1 123 1234 12345 123456 little super mr new i.love ilove love")
	behind = strings.Fields(`
		1 2 3 7 11 12 13 21 22 23 69 77 88 99 007 101 111 123 321 666 777 1234 4321 1111 12345 54321 123456 654321 123123
		1234567 12345678 123456789 1234567890 ! !! 1! 12! 123! 1234! 12345! 123456! !1 !123 @1 @12 @123 @1234 @12345 @123456 #1 #123 123@ 123# 123$ 123. _123
		a x abc abcd xyz qwe qwerty me you man boy girl baby love lover forever 4ever 4life 4u rocks`)
	for year := 1980; year <= 2027; year++ {
		behind = append(behind, fmt.Sprint(year))
	}
	for year := 2018; year <= 2027; year++ {
		behind = append(behind, fmt.Sprintf("%d!", year), fmt.Sprintf("@%d", year))
	}
	return before, behind
}
