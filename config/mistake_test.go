package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// mistakesOf parses a spec that must be invalid, and returns its mistakes as lines
// without the file's name.
func mistakesOf(t *testing.T, text string) string {
	t.Helper()
	spec, _, err := Parse("f", strings.NewReader(text))
	require.Error(t, err)
	assert.Nil(t, spec)
	mistakes, ok := errors.AsType[Mistakes](err)
	require.True(t, ok, "%v", err)
	var lines strings.Builder
	for _, mistake := range mistakes {
		line, ok := strings.CutPrefix(mistake.Error(), "f:")
		require.True(t, ok)
		lines.WriteString(line + "\n")
	}
	return lines.String()
}

// In each archive of testdata/mistakes, a spec is followed by its expected mistakes.
func TestMistakes(t *testing.T) {
	archives, err := filepath.Glob("testdata/mistakes/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, archives)
	for _, path := range archives {
		archive, err := txtar.ParseFile(path)
		require.NoError(t, err)
		require.Zero(t, len(archive.Files)%2)
		group := strings.TrimSuffix(filepath.Base(path), ".txtar")
		for i := 0; i < len(archive.Files); i += 2 {
			file, want := archive.Files[i], archive.Files[i+1]
			t.Run(group+"/"+file.Name, func(t *testing.T) {
				require.Equal(t, "want", want.Name)
				assert.Equal(t, string(want.Data), mistakesOf(t, string(file.Data)))
			})
		}
	}
}

// Inputs that a txtar archive cannot hold.
func TestMistakesInBytes(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"empty", "", "1:1: the file is empty; it needs clusters:\n"},
		{"byte order mark only", "\ufeff", "1:1: the file is empty; it needs clusters:\n"},
		{"binary", "\x7fELF\x02\x01", "1:1: the file seems to be a program (ELF); name the right file\n"},
		{"gzip", "\x1f\x8b\x08\x00", "1:1: the file seems to be packed with gzip; unpack it with gunzip\n"},
		{"bzip2", "BZh91AY&SY", "1:1: the file seems to be packed with bzip2; unpack it with bunzip2\n"},
		{"tar", "a.yaml" + strings.Repeat("\x00", 251) + "ustar", "1:1: the file seems to be packed with tar; unpack it with tar -x\n"},
		{"NUL", "a: 1\r\nb: \x00", "2:4: character U+0000 is not allowed; remove it\n"},
		{"escape", "a: é\nb: \x1b[2J\n", "2:4: character U+001B is not allowed; remove it\n"},
		{"line separator", "a: 1\u2028b: 1\n", "1:5: character U+2028 is not allowed; remove it\n"},
		{"Latin-1", "# \xe9\n", "1:3: not text in UTF-8: byte 0xe9; save the file as UTF-8\n"},
		{"UTF-16", "\xff\xfec\x00", "1:1: the file seems to be UTF-16LE text; save it as UTF-8: iconv -f UTF-16LE -t UTF-8\n"},
		{"UTF-16LE without mark", "c\x00l\x00", "1:1: the file seems to be UTF-16LE text; save it as UTF-8: iconv -f UTF-16LE -t UTF-8\n"},
		{"UTF-16BE without mark", "\x00c\x00l", "1:1: the file seems to be UTF-16BE text; save it as UTF-8: iconv -f UTF-16BE -t UTF-8\n"},
		{"UTF-32LE", "\xff\xfe\x00\x00c\x00\x00\x00", "1:1: the file seems to be UTF-32LE text; save it as UTF-8: iconv -f UTF-32LE -t UTF-8\n"},
		{"UTF-32BE without mark", "\x00\x00\x00c", "1:1: the file seems to be UTF-32BE text; save it as UTF-8: iconv -f UTF-32BE -t UTF-8\n"},
		{"no-break space", "a:\n\u00a0 b: 1\n", "2:1: character U+00A0 looks like a space, but YAML takes it as a letter; replace it by a space\n"},
		{"zero-width space", "a: 1\u200b\n", "1:5: character U+200B is invisible; remove it\n"},
		{"spaces in a comment", "x: 1 # \u00a0\u200b{{ x }}\n", "1:1: unknown key \"x\" in the file; known keys: clusters, director\n" +
			"1:1: the file has no clusters; add clusters: with a list of them\n"},
		{"a comment begins after a space", "x: a#\u00a0\n", "1:6: character U+00A0 looks like a space, but YAML takes it as a letter; replace it by a space\n"},
		{"a comment ends with its line", "# a\nx: \u00a0\n", "2:4: character U+00A0 looks like a space, but YAML takes it as a letter; replace it by a space\n"},
		{"CR alone ends a line", "director: {}\rx: 1\r", "1:1: the file has no clusters; add clusters: with a list of them\n" +
			"2:1: unknown key \"x\" in the file; known keys: clusters, director\n"},
		{"byte order mark takes no column", "\ufeffclusters: 1", "1:11: clusters must be a list, not \"1\"; write it as [cluster, …]\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, test.want, mistakesOf(t, test.text))
		})
	}
}

// Files that would cost the parser minutes or gigabytes are refused before the
// parser runs, or by their nesting.
func TestMistakesInHostileFiles(t *testing.T) {
	const size = 60 << 20
	file := ": the file holds more than 1000000 lines and entries; a spec is far smaller, so name the right file\n"
	line := ": the line holds more than 200000 entries; break it into lines\n"
	long := ": the line is over 1048576 characters long; break it into lines\n"
	deep := ": lists and mappings are nested more than 16 deep; a spec needs no more than 6\n"
	tests := []struct {
		name, before, repeated string
		times                  int
		want                   string
	}{
		{"newlines", "", "\n", size, "1000001:1" + file},
		{"quotes", "", `""`, size / 2, "1:200001" + line},
		{"pairs", "[", "a: b,\n", size / 6, "333334:2" + file},
		{"a word", "a: ", "a", size, "1:1048577" + long},
		{"a comment", "#", "a", size, "1:1048577" + long},
		{"comments", "", "# a\n", size / 4, "500001:1" + file},
		{"flow nesting", "", "[", 100_000, "1:17" + deep},
		{"block nesting", "", "- ", 100_000, "1:33" + deep},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, test.want, mistakesOf(t, test.before+strings.Repeat(test.repeated, test.times)))
		})
	}
}

// A "billion laughs" file: each alias is reported, none is followed.
func TestMistakesAliasBomb(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("a0: &a0 lol\n")
	for i := range 40 {
		fmt.Fprintf(&bomb, "a%d: &a%d [%s]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 9))
	}
	got := mistakesOf(t, bomb.String())
	assert.Equal(t, 40*9, strings.Count(got, "is not allowed; write the value itself"))
	assert.Equal(t, 41, strings.Count(got, "is not allowed; write the value at each place"))
}

func TestMistakesAreSortedAndBounded(t *testing.T) {
	lines := strings.Split(mistakesOf(t, "clusters: [{}]\n"+keys(2000)), "\n")
	require.Len(t, lines, maxMistakes+2)
	assert.Equal(t, `996:1: unknown key "k994" in the file; known keys: clusters, director`, lines[maxMistakes-1])
	assert.Equal(t, "996:1: 1005 more mistakes are not listed; fix these first", lines[maxMistakes])
}

func keys(count int) string {
	var text strings.Builder
	for i := range count {
		fmt.Fprintf(&text, "k%d: 1\n", i)
	}
	return text.String()
}

func TestMistakeAsJSON(t *testing.T) {
	_, _, err := Parse("a.yaml", strings.NewReader("director: {}\nx: 1\n"))
	mistakes, _ := errors.AsType[Mistakes](err)
	text, err := json.Marshal(mistakes)
	require.NoError(t, err)
	assert.JSONEq(t, `[
		{"file": "a.yaml", "line": 1, "column": 1, "message": "the file has no clusters; add clusters: with a list of them"},
		{"file": "a.yaml", "line": 2, "column": 1, "message": "unknown key \"x\" in the file; known keys: clusters, director"}
	]`, string(text))
	assert.EqualError(t, mistakes, "a.yaml:1:1: the file has no clusters; add clusters: with a list of them\n"+
		`a.yaml:2:1: unknown key "x" in the file; known keys: clusters, director`)
}
