package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// accepted are explained survivors: the reason of each change.
type accepted map[string]string

// readAccepted reads accepted.txt. It consists of blocks: lines with a change, as
// mutant.change returns it, and an indented line with the reason that they survive. Lines
// that begin with # are comments.
func readAccepted(name string) (accepted, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer f.Close()
	list := accepted{}
	var block []string
	lines := bufio.NewScanner(f)
	for number := 1; lines.Scan(); number++ {
		line := lines.Text()
		switch {
		case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "\t"):
			if len(block) == 0 {
				return nil, fmt.Errorf("%s:%d: a reason without a change", name, number)
			}
			for _, change := range block {
				list[change] = strings.TrimSpace(line)
			}
			block = nil
		default:
			block = append(block, line)
		}
	}
	if len(block) > 0 {
		return nil, fmt.Errorf("%s: the last change has no reason", name)
	}
	return list, lines.Err()
}
