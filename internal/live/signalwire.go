package live

import (
	"encoding/binary"
	"time"

	"github.com/google/uuid"
)

// encode is the signal as Redis carries it: the head of an update without a number, from whom it is in place of the
// subject and the pace in place of the subject's number; then the name, both lists of accounts, and the data.
func (sig Signal) encode(from uuid.UUID) []byte {
	b := make([]byte, 0, headLength+1+len(sig.Name)+4+16*(len(sig.To)+len(sig.Except))+len(sig.Data))
	b = binary.BigEndian.AppendUint64(b, 0)
	b = append(b, sig.Author[:]...)
	b = append(b, from[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(sig.Every))
	b = append(b, flagSignal, byte(len(sig.Name)))
	b = append(b, sig.Name...)
	for _, list := range [][]uuid.UUID{sig.To, sig.Except} {
		b = binary.BigEndian.AppendUint16(b, uint16(len(list)))
		for _, id := range list {
			b = append(b, id[:]...)
		}
	}
	return append(b, sig.Data...)
}

// decodeSignal reads what encode has written; ok is false for everything else.
func decodeSignal(b []byte) (sig Signal, from uuid.UUID, ok bool) {
	if len(b) <= headLength || b[headLength-1]&flagSignal == 0 {
		return sig, from, false
	}
	sig.Author, from = uuid.UUID(b[8:24]), uuid.UUID(b[24:40])
	sig.Every = time.Duration(binary.BigEndian.Uint64(b[40:]))
	n := int(b[headLength])
	if b = b[headLength+1:]; len(b) < n {
		return sig, from, false
	}
	sig.Name, b = string(b[:n]), b[n:]
	for _, list := range []*[]uuid.UUID{&sig.To, &sig.Except} {
		if len(b) < 2 {
			return sig, from, false
		}
		n, b = int(binary.BigEndian.Uint16(b)), b[2:]
		if len(b) < 16*n {
			return sig, from, false
		}
		for range n {
			*list, b = append(*list, uuid.UUID(b[:16])), b[16:]
		}
	}
	sig.Data = b
	return sig, from, true
}
