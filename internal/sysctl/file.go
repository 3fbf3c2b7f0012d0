package sysctl

import (
	"io"
	"os"
	"time"
)

func readFile(path string) ([]byte, error) {
	file, err := openFile(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(file)
}

// openLimit is how long the kernel may take to read or set a sysctl.
const openLimit = 30 * time.Second

// openFile sets a deadline: Go polls a sysctl like a pipe, and would wait without end
// for one that does not become ready.
func openFile(path string, flag int) (*os.File, error) {
	file, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return nil, err
	}
	_ = file.SetDeadline(time.Now().Add(openLimit)) // an error says that the file is not polled
	return file, nil
}
