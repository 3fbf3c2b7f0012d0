package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMessages: each message in the tables of operations.md, and in its blocks of kind message,
// is a text of the program. "…" stands for any text, and names are examples.
func TestMessages(t *testing.T) {
	texts := programTexts(t)
	messages := messagesOf(t, "operations.md")
	require.Greater(t, len(messages), 50)
	for _, message := range messages {
		for _, part := range regexp.MustCompile("…|: |, ").Split(message, -1) {
			if part = strings.Trim(part, " ;:()"); len(part) > 3 && part != "read-only file system" { // the kernel's text
				assert.True(t, isPrinted(texts, part), "no text of the program has %q, of the message %q", part, message)
			}
		}
	}
}

// messagesOf returns the code in the first column of the tables of messages and warnings, and
// the blocks of kind message.
func messagesOf(t *testing.T, name string) (messages []string) {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	for _, heading := range []string{"## Messages", "## Other programs", "## Settings of the host"} {
		_, section, found := strings.Cut(string(text), "\n"+heading+"\n")
		require.True(t, found, heading)
		section, _, _ = strings.Cut(section, "\n## ")
		for line := range strings.Lines(section) {
			if columns := strings.Split(line, " | "); strings.HasPrefix(line, "| `") {
				for _, code := range regexp.MustCompile("`([^`]*)`").FindAllStringSubmatch(columns[0], -1) {
					messages = append(messages, code[1])
				}
			}
		}
	}
	for _, block := range blocks(t, name, "message") {
		messages = append(messages, strings.TrimSpace(block))
	}
	return messages
}

// programTexts returns the string constants of the program. Each is split where the program
// inserts a value.
func programTexts(t *testing.T) (texts [][]string) {
	t.Helper()
	verb := regexp.MustCompile(`%(\[\d+\])?[a-z*]`)
	require.NoError(t, filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "integration" || d.Name() == "tools"):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if expr, ok := n.(ast.Expr); ok {
				if text := constant(expr); text != "" {
					texts = append(texts, verb.Split(text, -1))
				}
			}
			return true
		})
		return nil
	}))
	return texts
}

// constant returns a string constant, or a sum with constants, in which other terms are %s.
func constant(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, _ := strconv.Unquote(e.Value)
		return text
	case *ast.BinaryExpr:
		if left, right := constant(e.X), constant(e.Y); e.Op == token.ADD && left+right != "" {
			return orValue(left) + orValue(right)
		}
	}
	return ""
}

func orValue(text string) string {
	if text == "" {
		return "%s"
	}
	return text
}

// isPrinted reports whether a large part of a message is in one text, in its order: the rest are values.
func isPrinted(texts [][]string, message string) bool {
	for _, pieces := range texts {
		if 100*common(pieces, message) >= 45*len(message) {
			return true
		}
	}
	return false
}

// common returns the number of bytes of a message that are in the pieces of a text, in their
// order. The message can begin and end within a piece.
func common(pieces []string, message string) (n int) {
	rest := message
	for _, piece := range pieces {
		if strings.Contains(piece, rest) {
			return n + len(rest)
		}
		if before, after, found := strings.Cut(rest, piece); found && piece != "" {
			_, rest, n = before, after, n+len(piece)
			continue
		}
		for from := range piece { // the message begins within the piece
			if tail := piece[from:]; n == 0 && len(tail) > 3 && strings.HasPrefix(rest, tail) {
				rest, n = rest[len(tail):], n+len(tail)
				break
			}
		}
		for to := len(piece); to > 3; to-- { // the message ends within the piece
			if strings.HasSuffix(rest, piece[:to]) {
				return n + to
			}
		}
	}
	return n
}
