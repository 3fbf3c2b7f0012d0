package lvsmark

import "github.com/lvsmark/lvsmark/config"

// A Source gives the spec, or its mistakes. It is called while the kernel is read,
// for both take their time, and by several goroutines. Each time it gives the same, as
// what sync.OnceValues makes does. One that may wait, as for the writer of a pipe, has
// to end with the context of the plan.
type Source func() (*config.Spec, error)

// Known is the Source of a spec that is there already.
func Known(spec *config.Spec) Source {
	return func() (*config.Spec, error) { return spec, nil }
}

// reading calls f, which asks the source, and has the source read meanwhile. A spec
// that has mistakes is the error, whatever else f has met.
func reading[T any](source Source, f func() (T, error)) (T, error) {
	go func() { _, _ = source() }()
	result, err := f()
	if err != nil {
		if _, mistakes := source(); mistakes != nil {
			return result, mistakes
		}
	}
	return result, err
}
