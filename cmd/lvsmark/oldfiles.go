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

func loadFile(name string) (importer.File, error) {
	file, err := os.Open(name)
	if err != nil {
		return importer.File{}, err
	}
	defer file.Close()
	return importer.Load(name, file)
}
