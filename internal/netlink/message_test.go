package netlink

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// message encodes a message of the kernel, with sequence number 7.
func message(typ, flags uint16, data ...byte) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(unix.NLMSG_HDRLEN+len(data)))
	b = binary.NativeEndian.AppendUint16(b, typ)
	b = binary.NativeEndian.AppendUint16(b, flags)
	b = binary.NativeEndian.AppendUint32(b, 7) // sequence
	b = binary.NativeEndian.AppendUint32(b, 0)
	b = append(b, data...)
	return append(b, make([]byte, (4-len(data)%4)%4)...)
}

func refusal(errno unix.Errno, rest ...byte) []byte {
	return append(binary.NativeEndian.AppendUint32(nil, uint32(-int32(errno))), rest...)
}

// text is the attribute with the kernel's error message.
func text(words string) []byte { return AppendText(nil, unix.NLMSGERR_ATTR_MSG, words) }

func TestMessages(t *testing.T) {
	datagram := slices.Concat(message(20, unix.NLM_F_MULTI, 1, 2, 3), message(unix.NLMSG_DONE, 0, 0, 0, 0, 0))
	var types []uint16
	for m, err := range Messages(datagram) {
		require.NoError(t, err)
		assert.Equal(t, uint32(7), m.Sequence)
		types = append(types, m.Type)
	}
	assert.Equal(t, []uint16{20, unix.NLMSG_DONE}, types)
	for cut := range len(datagram) {
		complete := 0
		var failure error
		for _, err := range Messages(datagram[:cut]) {
			if err != nil {
				failure = err
				continue
			}
			complete++
		}
		if cut != 0 && cut != 19 && cut != 20 { // 19: only padding is missing
			require.ErrorIs(t, failure, ErrMalformed, "%d bytes", cut)
		}
		assert.LessOrEqual(t, complete, 1)
	}
}

func TestVerdict(t *testing.T) {
	original := message(20, 0, 1, 2, 3, 4, 5) // 21 bytes, and 3 of padding
	for name, c := range map[string]struct {
		flags uint16
		data  []byte
		want  string
	}{
		"success":            {0, refusal(0), ""},
		"refused":            {0, refusal(unix.ENOENT, original...), "no such file or directory"},
		"with words":         {unix.NLM_F_ACK_TLVS, refusal(unix.EINVAL, slices.Concat(original, text("no"))...), "invalid argument (no)"},
		"with words, capped": {unix.NLM_F_ACK_TLVS | unix.NLM_F_CAPPED, refusal(unix.EINVAL, slices.Concat(original[:16], text("no"))...), "invalid argument (no)"},
		"words truncated":    {unix.NLM_F_ACK_TLVS | unix.NLM_F_CAPPED, refusal(unix.EINVAL, slices.Concat(original[:16], text("no")[:6])...), "invalid argument"},
		"header truncated":   {unix.NLM_F_ACK_TLVS, refusal(unix.EINVAL, original[:9]...), "invalid argument"},
		"too short":          {0, []byte{1}, ErrMalformed.Error()},
	} {
		err := Message{Type: unix.NLMSG_ERROR, Flags: c.flags, Data: c.data}.Verdict()
		if c.want == "" {
			assert.NoError(t, err, name)
			continue
		}
		assert.EqualError(t, err, c.want, name)
	}
	assert.ErrorIs(t, Message{Type: unix.NLMSG_ERROR, Data: refusal(unix.ENOENT)}.Verdict(), unix.ENOENT)
}

// FuzzVerdict: decoding any bytes does not panic.
func FuzzVerdict(f *testing.F) {
	f.Add(message(unix.NLMSG_ERROR, unix.NLM_F_ACK_TLVS, refusal(unix.EINVAL, text("no")...)...))
	f.Fuzz(func(_ *testing.T, data []byte) {
		for m := range Messages(data) {
			_ = m.Verdict()
		}
	})
}
