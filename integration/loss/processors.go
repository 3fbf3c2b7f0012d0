package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// reserveSenderCPU returns the last processor of this process, for the sender. It
// restricts this process and its future children to the other processors.
func reserveSenderCPU() (int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(os.Getpid(), &set); err != nil {
		return 0, fmt.Errorf("processors of this process: %w", err)
	}
	if set.Count() < 2 {
		return 0, errors.New("needs two processors: with one, no packet is sent during an apply")
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
