package main

import (
	"errors"

	"github.com/lvsmark/lvsmark/internal/importer"
	"github.com/lvsmark/lvsmark/internal/importer/live"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// readOld reads the files, and the kernel, as one configuration; - is standard input.
func readOld(s streams, opts *options, names []string, fromKernel bool) (*oldconfig.Config, error) {
	var files []importer.File
	var failed []error
	for _, name := range names {
		f, err := loadFile(s, name)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		files = append(files, f)
	}
	old, err := importer.ReadAll(files)
	failed = append(failed, err)
	if fromKernel {
		running, err := live.Read(opts.netns)
		if err == nil {
			old.Join(running)
		}
		failed = append(failed, err)
	}
	return old, errors.Join(failed...)
}

func loadFile(s streams, name string) (importer.File, error) {
	file, err := s.open(name)
	if err != nil {
		return importer.File{}, err
	}
	defer file.Close()
	return importer.Load(inputName(name), file)
}
