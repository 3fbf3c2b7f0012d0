package hostcheck

import "fmt"

// maxRoutes bounds the VIPs, and the real servers, whose routes are asked for: the checks are
// part of each diff and apply, also of a spec with thousands of them.
const maxRoutes = 256

// bounded has the first maxRoutes different things to ask for, and counts the others.
type bounded[T comparable] struct {
	asked  map[T]bool
	others map[T]bool
}

// isNew reports whether to ask for it: it is one of the first ones, and new.
func (b *bounded[T]) isNew(question T) bool {
	switch {
	case b.asked[question]:
		return false
	case len(b.asked) < maxRoutes:
		b.asked[question] = true
		return true
	}
	b.others[question] = true
	return false
}

func newBounded[T comparable]() *bounded[T] { return &bounded[T]{map[T]bool{}, map[T]bool{}} }

// err returns an error if there are others.
func (b *bounded[T]) err(things string) error {
	if len(b.others) == 0 {
		return nil
	}
	return fmt.Errorf("those of %s other than the first %d (%d more); `lvsmark doctor` asks for all", things, maxRoutes, len(b.others))
}
