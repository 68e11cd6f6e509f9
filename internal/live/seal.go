package live

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"hash"
	"sync"
)

// A sealer seals what only nodes with the same keys open. Sealing the same twice gives the same, so that what is
// rendered is the same whoever renders it. It is the construction of RFC 5297, of HMAC and counter mode: a keyed
// hash of all that is sealed is its proof, and what the encryption begins with.
type sealer struct{ keys []sealKey }

type sealKey struct {
	hint  [hintLength]byte
	block cipher.Block
	// proofs are keyed hashes to use again: one that has its key costs half as much as a new one.
	proofs *sync.Pool
}

const (
	hintLength  = 4
	proofLength = 12
)

var (
	errSealedElsewhere = errors.New("it is sealed with a key that is not known")
	errSeal            = errors.New("it is not sealed for this")
)

// newSealer seals with the first of the keys and opens with all.
func newSealer(keys [][]byte) *sealer {
	s := &sealer{}
	for _, key := range keys {
		proof := derive(key, "proof")
		k := sealKey{proofs: &sync.Pool{New: func() any { return hmac.New(sha256.New, proof) }}}
		copy(k.hint[:], derive(key, "hint"))
		k.block, _ = aes.NewCipher(derive(key, "encryption")) // 32 bytes are AES-256
		s.keys = append(s.keys, k)
	}
	return s
}

func derive(key []byte, what string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(what))
	return h.Sum(nil)
}

// seal appends to dst what is sealed for a stream.
func (s *sealer) seal(dst []byte, of Key, plain []byte) []byte {
	k := s.keys[0]
	proof := k.prove(of, plain)
	dst = append(append(dst, k.hint[:]...), proof...)
	begin := len(dst)
	dst = append(dst, plain...)
	k.cover(dst[begin:], proof)
	return dst
}

// open opens what was sealed for the stream.
func (s *sealer) open(of Key, sealed []byte) ([]byte, error) {
	if len(sealed) < hintLength+proofLength {
		return nil, errSeal
	}
	for _, k := range s.keys {
		if string(k.hint[:]) != string(sealed[:hintLength]) {
			continue
		}
		proof := sealed[hintLength:][:proofLength]
		plain := append([]byte(nil), sealed[hintLength+proofLength:]...)
		k.cover(plain, proof)
		if !hmac.Equal(proof, k.prove(of, plain)) {
			return nil, errSeal
		}
		return plain, nil
	}
	return nil, errSealedElsewhere
}

func (k sealKey) prove(of Key, plain []byte) []byte {
	h := k.proofs.Get().(hash.Hash)
	defer k.proofs.Put(h)
	h.Reset()
	said := make([]byte, 0, 128)
	said = append(said, byte(len(of.Kind))) // kinds are constants of the code, and short
	said = append(said, of.Kind...)
	said = append(said, of.ID[:]...)
	h.Write(append(said, plain...))
	return h.Sum(said[:0])[:proofLength]
}

// cover encrypts in counter mode what is covered by nothing, and takes away what covers it. Cursors have two or three
// blocks: a cipher.Stream costs more than they do.
func (k sealKey) cover(text, proof []byte) {
	var count, pad [aes.BlockSize]byte
	copy(count[:], proof)
	for len(text) > 0 {
		k.block.Encrypt(pad[:], count[:])
		text = text[subtle.XORBytes(text, text, pad[:]):]
		for i := len(count) - 1; i >= 0; i-- {
			if count[i]++; count[i] != 0 {
				break
			}
		}
	}
}
