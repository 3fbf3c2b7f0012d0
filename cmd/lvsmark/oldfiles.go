package main

import (
	"errors"
	"os"

	"github.com/lvsmark/lvsmark/internal/importer"
	"github.com/lvsmark/lvsmark/internal/importer/live"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// readOld reads the files, and the kernel, as one configuration.
func readOld(opts *options, names []string, fromKernel bool) (*oldconfig.Config, error) {
	var files []importer.File
	var failed []error
	for _, name := range names {
		f, err := loadFile(name)
		files, failed = append(files, f), append(failed, err)
	}
	if err := errors.Join(failed...); err != nil {
		return nil, err
	}
	old, err := importer.ReadAll(files)
	if err != nil || !fromKernel {
		return old, err
	}
	running, err := live.Read(opts.netns)
	if err != nil {
		return nil, err
	}
	old.Join(running)
	return old, nil
}

func loadFile(name string) (importer.File, error) {
	file, err := os.Open(name)
	if err != nil {
		return importer.File{}, err
	}
	defer file.Close()
	return importer.Load(name, file)
}
