package main

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"path/filepath"
	"sync"

	"github.com/lvsmark/lvsmark"
	"github.com/lvsmark/lvsmark/config"
)

// The value of -c for standard input, and its name in messages.
const (
	stdin     = "-"
	stdinName = "<stdin>"
)

// load reads the spec.
func (o *options) load(s streams) (*config.Spec, []config.Note, error) {
	if o.file == stdin {
		return config.Parse(o.fileName(), s.in)
	}
	return config.Load(o.file)
}

// source returns load as a function for the engine, which reads the kernel at the
// same time.
func (o *options) source(s streams) lvsmark.Source {
	return sync.OnceValues(func() (*config.Spec, error) {
		spec, _, err := o.load(s)
		return spec, err
	})
}

// loadDigest reads the spec and returns its digest as well.
func (o *options) loadDigest(s streams) (*config.Spec, lvsmark.SpecDigest, error) {
	digest := lvsmark.SpecDigest{File: o.fileName()}
	in := s.in
	if o.file != stdin {
		file, err := config.Open(o.file)
		if err != nil {
			return nil, digest, err
		}
		defer file.Close()
		in = file
		if digest.File, err = filepath.Abs(o.file); err != nil {
			return nil, digest, err
		}
	}
	sum := sha256.New()
	spec, _, err := config.Parse(o.fileName(), io.TeeReader(in, sum))
	digest.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return spec, digest, err
}

func (o *options) fileName() string {
	if o.file == stdin {
		return stdinName
	}
	return o.file
}
