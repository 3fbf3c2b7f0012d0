package lvsmark

import (
	"context"

	"github.com/lvsmark/lvsmark/config"
)

// A Source gives the spec, or its mistakes. It is called while the kernel is read,
// for both take their time; by several goroutines, and again when a plan has to be
// made anew. Each time it gives the same, as what sync.OnceValues makes does.
type Source func() (*config.Spec, error)

// Known is the Source of a spec that is there already.
func Known(spec *config.Spec) Source {
	return func() (*config.Spec, error) { return spec, nil }
}

// await calls the source, which may wait for whoever writes the spec, unless the
// context ends before that.
func (s Source) await(ctx context.Context) (*config.Spec, error) {
	type answer struct {
		spec *config.Spec
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		spec, err := s()
		answers <- answer{spec, err}
	}()
	select {
	case a := <-answers:
		return a.spec, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// reading calls f, which asks the source, and has the source read meanwhile. A spec
// that has mistakes is the error, whatever else f has met.
func reading[T any](ctx context.Context, source Source, f func() (T, error)) (T, error) {
	go func() { _, _ = source() }()
	result, err := f()
	if err != nil {
		if _, mistakes := source.await(ctx); mistakes != nil && ctx.Err() == nil {
			return result, mistakes
		}
	}
	return result, err
}
