package importer

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

func TestRead(t *testing.T) {
	specific := Reader{"specific", func(text string) bool { return strings.HasPrefix(text, "aa") }, func(name, _ string) (*oldconfig.Config, error) {
		return &oldconfig.Config{Findings: []oldconfig.Remark{{Message: name}}}, nil
	}}
	general := Reader{"general", func(text string) bool { return strings.HasPrefix(text, "a") }, func(string, string) (*oldconfig.Config, error) {
		return nil, assert.AnError
	}}
	list := []Reader{specific, general}
	c, err := read("x", "aa", list)
	require.NoError(t, err)
	assert.Equal(t, "x", c.Findings[0].Message)
	_, err = read("x", "ab", list)
	require.ErrorIs(t, err, assert.AnError)
	assert.ErrorContains(t, err, "x (general): ")
	_, err = read("x", "b", list)
	require.ErrorIs(t, err, ErrUnknownLanguage)
	assert.ErrorContains(t, err, "specific, general")
	c, err = read("x", "\n", list)
	require.NoError(t, err)
	assert.Empty(t, c)
}

func TestReadTooLarge(t *testing.T) {
	_, err := Read("noise", strings.NewReader(strings.Repeat("x", MaxSize+1)))
	assert.EqualError(t, err, "noise has more than 32 MB")
}

func TestLoadPackedFile(t *testing.T) {
	for text, want := range map[string]string{
		"\x1f\x8b\x08\x00":                "rules.gz: the file seems to be packed with gzip; unpack it with gunzip",
		"*\x00m\x00a\x00n\x00g\x00l\x00e": "rules.gz: the file seems to be UTF-16LE text; save it as UTF-8: iconv -f UTF-16LE -t UTF-8",
	} {
		_, err := Load("rules.gz", strings.NewReader(text))
		assert.EqualError(t, err, want)
	}
}

func TestLoadByteOrderMark(t *testing.T) {
	_, err := Load("rules", strings.NewReader("\ufeff*mangle\nCOMMIT\n"))
	assert.EqualError(t, err, `rules begins with a byte order mark, which is a part of its first word: sed -i '1s/^\xef\xbb\xbf//' removes it`)
	f, err := Load("direct.xml", strings.NewReader("\ufeff<direct></direct>"))
	require.NoError(t, err)
	assert.Equal(t, "<direct></direct>", f.Text)
}
