package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// apartFromSender keeps this process and those that it will start on other
// processors than the last it has, and returns that one, for the sender.
func apartFromSender() (int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(os.Getpid(), &set); err != nil {
		return 0, fmt.Errorf("processors of this process: %w", err)
	}
	if set.Count() < 2 {
		return 0, errors.New("one processor alone shows nothing: no packet would be under way during an apply")
	}
	last := len(set)*64 - 1
	for !set.IsSet(last) {
		last--
	}
	set.Clear(last)
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return 0, err
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			return 0, err
		}
		if err := unix.SchedSetaffinity(id, &set); err != nil && !errors.Is(err, unix.ESRCH) {
			return 0, fmt.Errorf("processors of this process: %w", err)
		}
	}
	return last, nil
}
