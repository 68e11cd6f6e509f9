package password

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"
)

// A set holds texts by 40 bits of their hashes: it never misses one that it has, and takes one in
// 2^40/len for one that it has though it does not.
type set []uint64

const hashBits = 40

func hashOf(text string) uint64 {
	sum := sha256.Sum256([]byte(text))
	return binary.BigEndian.Uint64(sum[:8]) >> (64 - hashBits)
}

func (s set) has(text string) bool {
	_, found := slices.BinarySearch(s, hashOf(text))
	return found
}

func newSet(hashes []uint64) set {
	slices.Sort(hashes)
	return slices.Compact(hashes)
}

// write writes the set as the distances between its hashes in Rice's code: a count and a width, then for
// each distance the part above the width in ones, a zero, and the part below. 200,000 hashes take 600 kB.
func (s set) write(to io.Writer) error {
	width := uint(max(0, bits.Len64((1<<hashBits)/uint64(max(1, len(s))))-1))
	head := binary.BigEndian.AppendUint32(nil, uint32(len(s)))
	w := bitWriter{to: bytes.NewBuffer(append(head, byte(width)))}
	last := uint64(0)
	for _, h := range s {
		distance := h - last
		last = h
		for range distance >> width {
			w.bit(1)
		}
		w.bit(0)
		for i := int(width) - 1; i >= 0; i-- {
			w.bit(byte(distance >> i & 1))
		}
	}
	w.flush()
	if _, err := to.Write(w.to.Bytes()); err != nil {
		return fmt.Errorf("write the set: %w", err)
	}
	return nil
}

type bitWriter struct {
	to    *bytes.Buffer
	part  byte
	count int
}

func (w *bitWriter) bit(b byte) {
	w.part = w.part<<1 | b
	if w.count++; w.count == 8 {
		w.to.WriteByte(w.part)
		w.part, w.count = 0, 0
	}
}

func (w *bitWriter) flush() {
	for w.count != 0 {
		w.bit(0)
	}
}

var errDamaged = errors.New("read the set: it is damaged")

// readSet reads what write has written.
func readSet(b []byte) (set, error) {
	if len(b) < 5 {
		return nil, errDamaged
	}
	count, width := int(binary.BigEndian.Uint32(b)), int(b[4])
	if count > 8*len(b) || width > hashBits {
		return nil, errDamaged
	}
	b = b[5:]
	at := 0
	next := func() uint64 {
		if at >= 8*len(b) {
			at++
			return 0
		}
		bit := b[at/8] >> (7 - at%8) & 1
		at++
		return uint64(bit)
	}
	s := make(set, 0, count)
	last := uint64(0)
	for range count {
		above, below := uint64(0), uint64(0)
		for next() == 1 {
			above++
		}
		for range width {
			below = below<<1 | next()
		}
		last += above<<width | below
		s = append(s, last)
	}
	if at > 8*len(b) {
		return nil, errDamaged
	}
	return s, nil
}

// readList makes a set of a list with one password a line.
func readList(from io.Reader) (set, error) {
	var hashes []uint64
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		if line := bytes.TrimRight(lines.Bytes(), "\r"); len(line) > 0 {
			hashes = append(hashes, hashOf(fold(string(line))))
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the list: %w", err)
	}
	return newSet(hashes), nil
}
