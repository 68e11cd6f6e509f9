package live

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
)

// A sealer seals what only nodes with the same keys open. Sealing the same twice gives the same, so that what is
// rendered is the same whoever renders it. It is the construction of RFC 5297, of HMAC and counter mode: a keyed
// hash of all that is sealed is its proof, and what the encryption begins with.
type sealer struct{ keys []sealKey }

type sealKey struct {
	hint  [hintLength]byte
	proof []byte
	block cipher.Block
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
		k := sealKey{proof: derive(key, "proof")}
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
	k.stream(proof).XORKeyStream(dst[begin:], plain)
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
		plain := make([]byte, len(sealed)-hintLength-proofLength)
		k.stream(proof).XORKeyStream(plain, sealed[hintLength+proofLength:])
		if !hmac.Equal(proof, k.prove(of, plain)) {
			return nil, errSeal
		}
		return plain, nil
	}
	return nil, errSealedElsewhere
}

func (k sealKey) prove(of Key, plain []byte) []byte {
	h := hmac.New(sha256.New, k.proof)
	h.Write([]byte{byte(len(of.Kind))}) // kinds are constants of the code, and short
	h.Write([]byte(of.Kind))
	h.Write(of.ID[:])
	h.Write(plain)
	return h.Sum(nil)[:proofLength]
}

func (k sealKey) stream(proof []byte) cipher.Stream {
	var begin [aes.BlockSize]byte
	copy(begin[:], proof)
	return cipher.NewCTR(k.block, begin[:])
}
