package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"path/filepath"
	"sync"

	"github.com/lvsmark/lvsmark"
	"github.com/lvsmark/lvsmark/config"
)

// A loadedSpec is what the file of the spec contains.
type loadedSpec struct {
	spec   *config.Spec
	notes  []config.Note
	digest lvsmark.SpecDigest
}

// load reads the spec.
func (o *options) load(ctx context.Context, s streams) (*config.Spec, []config.Note, error) {
	l, err := interruptible(ctx, "reading "+o.fileName(), func() (l loadedSpec, err error) {
		if o.file == stdin {
			l.spec, l.notes, err = config.Parse(o.fileName(), s.in)
		} else {
			l.spec, l.notes, err = config.Load(o.file)
		}
		return l, err
	})
	return l.spec, l.notes, err
}

// source returns load as a function for the engine, which reads the kernel at the
// same time.
func (o *options) source(ctx context.Context, s streams) lvsmark.Source {
	return sync.OnceValues(func() (*config.Spec, error) {
		spec, _, err := o.load(ctx, s)
		return spec, err
	})
}

// loadDigest reads the spec and returns its digest as well.
func (o *options) loadDigest(ctx context.Context, s streams) (*config.Spec, lvsmark.SpecDigest, error) {
	l, err := interruptible(ctx, "reading "+o.fileName(), func() (loadedSpec, error) { return o.readDigest(s) })
	return l.spec, l.digest, err
}

func (o *options) readDigest(s streams) (l loadedSpec, err error) {
	l.digest.File = o.fileName()
	in := s.in
	if o.file != stdin {
		file, err := config.Open(o.file)
		if err != nil {
			return l, err
		}
		defer file.Close()
		in = file
		if l.digest.File, err = filepath.Abs(o.file); err != nil {
			return l, err
		}
	}
	sum := sha256.New()
	l.spec, l.notes, err = config.Parse(o.fileName(), io.TeeReader(in, sum))
	l.digest.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return l, err
}

func (o *options) fileName() string { return inputName(o.file) }
