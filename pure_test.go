package lvsmark

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pureFiles returns the files of this package that only compare states: they make no
// system call and read no clock. All files of pureRooms are pure.
func pureFiles() []string {
	return []string{"addresses.go", "state.go", "diff.go", "plan.go", "change.go"}
}

func pureRooms() []string {
	return []string{"internal/impact", "internal/firewall", "internal/exact", "internal/verify"}
}

// TestPureFiles: pure files import no package that can make a system call.
func TestPureFiles(t *testing.T) {
	files := pureFiles()
	for _, room := range pureRooms() {
		if _, err := os.Stat(room); os.IsNotExist(err) {
			continue
		}
		require.NoError(t, filepath.WalkDir(room, func(path string, entry fs.DirEntry, err error) error {
			if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
				files = append(files, path)
			}
			return err
		}))
	}
	for _, file := range files {
		for _, path := range importsOf(t, file) {
			assert.False(t, touchesKernel(path), "%s imports %s", file, path)
		}
	}
	assert.True(t, touchesKernel("golang.org/x/sys/unix"))
	assert.False(t, touchesKernel("net/netip"))
}

func importsOf(t *testing.T, file string) (paths []string) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	require.NoError(t, err)
	for _, spec := range parsed.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		require.NoError(t, err)
		paths = append(paths, path)
	}
	return paths
}

// touchesKernel reports whether a package makes system calls, opens sockets or reads the
// clock.
func touchesKernel(path string) bool {
	if path == "net/netip" {
		return false
	}
	for _, barred := range []string{
		"os", "net", "syscall", "time", "unsafe",
		"golang.org/x/sys", "github.com/mdlayher", "github.com/vishvananda",
		"github.com/lvsmark/lvsmark/internal/netlink", "github.com/lvsmark/lvsmark/internal/conntrack",
	} {
		if path == barred || strings.HasPrefix(path, barred+"/") {
			return true
		}
	}
	return false
}
