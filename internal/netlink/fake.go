package netlink

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// An Answer is what a fake kernel answers to one request.
type Answer struct {
	Objects []Message // of a query; Sequence is ignored
	Errno   unix.Errno
}

// Fake returns a connection to a kernel in memory, for tests of the packages that use
// Conn. answer is called for each request.
func Fake(answer func(Message) Answer) *Conn {
	c := newConn(Options{}, func() (transport, error) { return &fakeTransport{answer: answer}, nil })
	_ = c.redial() // never fails
	return c
}

// A fakeTransport answers in the form of the kernel: one datagram for each message.
type fakeTransport struct {
	answer   func(Message) Answer
	received [][]byte
}

func (f *fakeTransport) send(datagram []byte) error {
	for m, err := range Messages(datagram) {
		if err != nil {
			return err
		}
		a := f.answer(m)
		for _, object := range a.Objects {
			f.queue(m, object.Type, object.Flags, object.Data)
		}
		verdict := binary.NativeEndian.AppendUint32(nil, uint32(-int32(a.Errno)))
		isDump := m.Flags&unix.NLM_F_DUMP == unix.NLM_F_DUMP
		switch {
		case a.Errno == 0 && isDump:
			f.queue(m, unix.NLMSG_DONE, 0, verdict)
		case a.Errno != 0 || m.Flags&unix.NLM_F_ACK != 0:
			f.queue(m, unix.NLMSG_ERROR, 0, verdict)
		}
	}
	return nil
}

func (f *fakeTransport) queue(request Message, typ, flags uint16, data []byte) {
	b := binary.NativeEndian.AppendUint32(nil, uint32(unix.NLMSG_HDRLEN+len(data)))
	b = binary.NativeEndian.AppendUint16(b, typ)
	b = binary.NativeEndian.AppendUint16(b, flags)
	b = binary.NativeEndian.AppendUint32(b, request.Sequence)
	b = binary.NativeEndian.AppendUint32(b, 0)
	f.received = append(f.received, append(b, data...))
}

func (f *fakeTransport) receive(buffer []byte) (int, error) {
	if len(f.received) == 0 {
		return 0, unix.EAGAIN
	}
	n := copy(buffer, f.received[0])
	f.received = f.received[1:]
	return n, nil
}

func (f *fakeTransport) reserve(int) error { return nil }

func (f *fakeTransport) deviceName(uint32) string { return "" }

func (f *fakeTransport) Close() error { return nil }
