package firewall

import (
	"encoding/binary"
	"slices"
)

// Large rulesets have thousands of rules that are the same to a space: they differ only in
// what is unknown of its packets, for example in the address of the client. Their steps are
// shared. A walk follows them once, as long as no rule changes the packets that go on.

// maxShared bounds the lists of steps that a loader keeps.
const maxShared = 1024

// newRule returns the current rule. Rules with the same steps share them, if the steps can
// be compared.
func (l *loader) newRule(handle uint64, source ruleText) *rule {
	r := &rule{handle: handle, source: source}
	key, ok := l.key[:0], !l.exact && l.shared != nil
	for i := 0; ok && i < len(l.steps); i++ {
		key, ok = appendStep(key, l.steps[i])
	}
	if !ok {
		r.steps = slices.Clone(l.steps)
		return r
	}
	l.key, r.shared = key, true
	if r.steps = l.shared[string(key)]; r.steps == nil {
		if len(l.shared) == maxShared {
			clear(l.shared)
		}
		r.steps = slices.Clone(l.steps)
		l.shared[string(key)] = r.steps
	}
	return r
}

// appendStep appends bytes that identify a step; false: it cannot be identified.
func appendStep(key []byte, s step) ([]byte, bool) {
	switch s := s.(type) {
	case condition:
		return appendBytes(append(key, 'c'), s.name), true
	case verdict:
		key = binary.NativeEndian.AppendUint64(append(key, 'v'), uint64(s.kind))
		return appendBytes(key, s.chain), true
	case match:
		return appendMatch(append(key, 'm'), s)
	}
	return nil, false
}

func appendMatch(key []byte, m match) ([]byte, bool) {
	switch v := m.value; v.kind {
	case address, port, protocol, tcpFlags: // known by the part alone
		if v.change != nil {
			return nil, false
		}
		key = appendBytes(append(key, byte(v.kind), byte(v.size)), v.name)
	default:
		return nil, false
	}
	inverse := byte(0)
	if m.test.inverse {
		inverse = 1
	}
	key = append(key, inverse, byte(len(m.test.within)))
	for _, i := range m.test.within {
		key = appendBytes(appendBytes(key, i.low), i.high)
	}
	return key, len(m.test.within) <= 0xff
}

func appendBytes[T string | []byte](key []byte, b T) []byte {
	return append(binary.NativeEndian.AppendUint32(key, uint32(len(b))), b...)
}
