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

// machine is what the figures were measured on: kernel, processor with its caches
// for data, compiler.
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

// caches are the sizes of the processor's caches for data, the nearest first, as
// in " (48K, 1024K, 32768K)"; empty: the kernel does not tell.
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

// processor is its name, where the kernel tells it.
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
