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

// openLimit is the timeout for reading or setting a sysctl.
const openLimit = 30 * time.Second

// openFile opens a sysctl with a deadline. Go polls the file like a pipe and would wait
// without limit if it does not become ready.
func openFile(path string, flag int) (*os.File, error) {
	file, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return nil, err
	}
	_ = file.SetDeadline(time.Now().Add(openLimit)) // fails if the file cannot be polled
	return file, nil
}
