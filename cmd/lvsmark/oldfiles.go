package main

import (
	"os"

	"github.com/lvsmark/lvsmark/internal/importer"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// readOld reads configurations without lvsmark, and joins them in the order of the files.
func readOld(files []string) (*oldconfig.Config, error) {
	var joined oldconfig.Config
	for _, name := range files {
		c, err := readOldFile(name)
		if err != nil {
			return nil, err
		}
		joined.Join(c)
	}
	return &joined, nil
}

func readOldFile(name string) (*oldconfig.Config, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return importer.Read(name, file)
}
