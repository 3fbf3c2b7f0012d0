package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// machine describes this machine: kernel, processor with its data caches, compiler.
func machine() (string, error) {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return "", fmt.Errorf("uname: %w", err)
	}
	cpu, err := processor()
	if err != nil {
		return "", err
	}
	release, _, _ := strings.Cut(unix.ByteSliceToString(name.Release[:]), "-")
	return fmt.Sprintf("Linux %s, %d × %s%s, %s", release, runtime.NumCPU(), cpu, caches(), runtime.Version()), nil
}

// caches returns the sizes of the processor's data caches from L1 on, as in
// " (48K, 1024K, 32768K)", or "" if the kernel does not report them.
func caches() string {
	directories, err := filepath.Glob("/sys/devices/system/cpu/cpu0/cache/index*")
	if err != nil {
		return ""
	}
	var sizes []string
	for _, directory := range directories {
		kind, kindErr := os.ReadFile(filepath.Join(directory, "type"))
		size, sizeErr := os.ReadFile(filepath.Join(directory, "size"))
		if kindErr == nil && sizeErr == nil && strings.TrimSpace(string(kind)) != "Instruction" {
			sizes = append(sizes, strings.TrimSpace(string(size)))
		}
	}
	if len(sizes) == 0 {
		return ""
	}
	return " (" + strings.Join(sizes, ", ") + ")"
}

// processor returns the processor's model name, or its architecture if the kernel does
// not report a name.
func processor() (string, error) {
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "", err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if name, value, _ := strings.Cut(lines.Text(), ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value), nil
		}
	}
	return runtime.GOARCH, lines.Err()
}
