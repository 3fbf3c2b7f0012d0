package firewall

import "slices"

// tested returns the value with the name that a condition on it has.
func (v value) tested(t test) value {
	if v.ofClient {
		v.name = v.clientCondition(t)
	}
	return v
}

// Parts of conditions on the client.
const (
	unprivileged = "unprivileged "
	allBut       = " !="
)

// clientCondition returns the condition of a test of the client's address or port.
func (v value) clientCondition(t test) string {
	switch {
	case t.inverse:
		return v.name + allBut
	case v.size == 2 && slices.ContainsFunc(t.within, isUnprivileged):
		return unprivileged + v.name
	}
	return v.name
}

// isUnprivileged reports whether an interval has all ports that programs of users get.
func isUnprivileged(i interval) bool {
	if len(i.low) != 2 || len(i.high) != 2 {
		return false
	}
	low, high := i.ports()
	return low <= 1024 && high == 65535
}
