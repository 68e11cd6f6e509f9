package live

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"testing"

	"github.com/google/uuid"
)

// What was sealed by any node of any release must open: the construction is written out once more here.
func TestSeal(t *testing.T) {
	t.Parallel()
	secret, of := bytes.Repeat([]byte{7}, 32), Key{Kind: "conversation", ID: uuid.UUID{3}}
	s := newSealer([][]byte{secret})
	for length := range 70 {
		plain := bytes.Repeat([]byte{'c'}, length)
		proof := hmac.New(sha256.New, derive(secret, "proof"))
		proof.Write(append(append([]byte{byte(len(of.Kind))}, of.Kind...), of.ID[:]...))
		proof.Write(plain)
		begin := make([]byte, aes.BlockSize)
		copy(begin, proof.Sum(nil)[:proofLength])
		block, err := aes.NewCipher(derive(secret, "encryption"))
		if err != nil {
			t.Fatal(err)
		}
		covered := make([]byte, length)
		cipher.NewCTR(block, begin).XORKeyStream(covered, plain)
		want := append(append(derive(secret, "hint")[:hintLength:hintLength], begin[:proofLength]...), covered...)

		got := s.seal(nil, of, plain)
		if !bytes.Equal(got, want) {
			t.Fatalf("%d bytes are sealed as %x, not %x", length, got, want)
		}
		if opened, err := s.open(of, got); err != nil || !bytes.Equal(opened, plain) {
			t.Errorf("opened it is %q, %v", opened, err)
		}
		if _, err := s.open(Key{Kind: of.Kind, ID: uuid.UUID{4}}, got); err == nil {
			t.Error("it opens for another stream")
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	c := Cursor{Key: Key{Kind: "conversation"}, Epoch: "0123456789abcdef", Seq: 7, sealer: newSealer([][]byte{make([]byte, 32)})}
	b.ReportAllocs()
	for b.Loop() {
		_ = c.String()
	}
}
