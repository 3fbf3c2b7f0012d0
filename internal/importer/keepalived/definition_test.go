package keepalived

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/internal/importer/dump"
)

// definitions are the lines of a virtual server with definitions, comments and braces.
var definitions = []string{
	"$M=foo1 \\\n  foo2 # comment\nfoo3\n$M\nfoo4 $M",
	"$M= \\\n foo1 \\\n # comment \\\n foo2\n$M\n${M}\n foo3",
	"$M= \\\n foo1 \\\n # comment\n foo2\n$M\n foo3",
	"$M= \\\n foo1 \\\n\n foo2\n$M\n foo3",
	"$M= \\\n foo1 \\\n \t \n foo2\n$M\n foo3",
	"$M= \\\n foo1 \\\n\\\n foo2 \\\n\nfoo3\n$M",
	"$M= \\\n foo1\nfoo$M x\n${M} foo2",
	"$M= \\\n\nfoo1\nfoo2 $M\nfoo3",
	"$IN=foo1 \\\n foo2\n$OUT= \\\n foo3 \\\n $IN \\\n foo4 \\\n foo5 $IN \\\n foo6\n$OUT\nfoo7",
	"$IN=foo1 \\\n foo2\n$MID=$IN \\\n foo3\n$OUT=foo4 \\\n $MID\n$OUT\n$MID\nfoo5",
	"$OUT= \\\n $N=1 \\\n foo$N \\\n $N=2 \\\n foo${N}\n$OUT\nfoo${N}x",
	"$RS= \\\nreal_server 10.0.${A}.${B} 80 { \\\n foo${A}.${B} \\\n }\n$VS= \\\n $B=1 \\\n $RS \\\n $B=2 \\\n $RS\n$A=7\n$VS\n$A=8\n$VS\nfoo",
	"$RS= \\\nreal_server 10.0.0.${N} 80 { \\\n foo${N} \\\n bar${N} \\\n }\n~SEQ(N,1,3) $RS\nfoo4",
	"$IN=foo${N} \\\n bar${N}\n$OUT= \\\n ~SEQ(N,1,2) $IN \\\n ~LST(N,a,b) baz${N} \\\n foo\n$OUT\n~SEQ(K,1,2) $OUT",
	"~SEQ(X,1,2) $Y=foo${X}\n$Y",
	"$X=1\n$Y=foo${X}\n$X=2\n$Y\nbar$X,$X)",
	"$E=\n$E foo1\nfoo2$E\nfoo3${E}x",
	"foo1${_HASH} x\nfoo2 ${_BANG}\n$H=foo3 ${_HASH}\n$H x",
	"foo1\\#x\nfoo2\\!x y\n$C=foo3\\#x\n$C",
	"foo1 \"a # b\" # c\nfoo2 \"{\" x\nfoo3! \"\n\"foo4 # x\" y",
	"foo1 a\\\\# b\nfoo2\\\\ b\n$B=foo3\\\\\nfoo4\nfoo5",
	"$_PWD=foo1\n$_PWD\nfoo${_PWD}2",
	"foo1\r\n$A=foo2\r\n$A\r\n$M= \\\r\nfoo3 \\\r\nfoo4\r\n$M\r\n",
}

// TestDefinitions: the process of keepalived that adds services reads the same statements. They are
// unknown to both, and both name them.
func TestDefinitions(t *testing.T) {
	need.Programs(t, "keepalived")
	understood := 0
	for _, text := range definitions {
		assert.True(t, sameStatements(t, text), text)
	}
	for seed := range uint64(40) {
		if sameStatements(t, randomDefinitions(rand.New(rand.NewPCG(seed, 23)))) {
			understood++
		}
	}
	assert.Greater(t, understood, 25)
}

// sameStatements compares the unknown statements of a virtual server with those that keepalived
// names. It returns false without a comparison if the reader says that it does not understand a line.
func sameStatements(t *testing.T, text string) bool {
	t.Helper()
	return sameFile(t, filepath.Join(t.TempDir(), "keepalived.conf"), "virtual_server fwmark 1 {\n"+text+"\n}\n")
}

// sameFile does so with a file.
func sameFile(t *testing.T, file, text string) bool {
	t.Helper()
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	c, err := Read(file, text)
	require.NoError(t, err)
	var got []string
	for _, u := range c.NotUnderstood {
		found := regexp.MustCompile(`^(.*) is unknown( in .*)?$`).FindStringSubmatch(u.Message)
		if found == nil {
			t.Logf("%s%v: %s", text, u, u.Message)
			return false
		}
		got = append(got, found[1])
	}
	return assert.Equal(t, checkerKeywords(t, file), got, text)
}

// checkerKeywords returns the words of a virtual server that keepalived names as unknown: its first
// process skips virtual servers.
func checkerKeywords(t *testing.T, file string) (words []string) {
	t.Helper()
	output, _ := exec.CommandContext(t.Context(), "keepalived", "--config-test", "--use-file", file).CombinedOutput()
	for _, found := range regexp.MustCompile(`(?m)^\([^)]+: Line \d+\) Unknown keyword '(.*)'$`).FindAllStringSubmatch(string(output), -1) {
		words = append(words, found[1])
	}
	require.NotEmpty(t, words, "%s\n%s", file, output)
	return words
}

// randomDefinitions returns lines with definitions whose values have definitions of earlier letters
// only: keepalived does not end otherwise. A name with several lines ends its line: keepalived replaces
// no other.
func randomDefinitions(r *rand.Rand) string {
	pick := func(choices ...string) string { return choices[r.IntN(len(choices))] }
	word := 0
	var multiline [6]bool
	statement := func(letters int) string {
		word++
		text := fmt.Sprintf("foo%d", word)
		if letters > 0 {
			letter := r.IntN(letters)
			name := string(rune('A' + letter))
			text = pick(text, text+" $"+name, text+"${"+name+"}", "${"+name+"}", "$"+name)
			if !multiline[letter] && r.IntN(2) == 0 {
				return pick("$"+name+" x", "${"+name+"}x", text+" \"a # b\"")
			}
		}
		return text
	}
	var b strings.Builder
	b.WriteString("foo\n")
	for letters := range 5 {
		fmt.Fprintf(&b, "$%c=%s", 'A'+letters, pick("", "w", statement(letters)))
		for range r.IntN(4) {
			multiline[letters] = true
			b.WriteString(" \\\n" + pick("", "", " # note \\\n", "  ") + statement(letters))
			b.WriteString(pick("", "", "", " # note"))
		}
		b.WriteString("\n" + pick("", "", "\n", "# note\n"))
		for range r.IntN(3) {
			b.WriteString(pick("", "", "~SEQ(N,1,2) ", "~LST(N,a,b) ", "real_server 10.0.0.1 80 { weight 1 }\n"))
			b.WriteString(statement(letters+1) + pick("", "", " # c", "\t! c") + "\n")
		}
	}
	return b.String()
}

// TestIdentifiers: what depends on the configuration identifier is not understood, in any place.
func TestIdentifiers(t *testing.T) {
	const reads = "keepalived reads the line "
	for text, want := range map[string][]string{
		"@low foo":                             {"1: " + reads + "only with configuration identifier low: without option -i, it is the host name up to the first dot"},
		"@^low foo":                            {"1: " + reads + "with each configuration identifier but low: without option -i, it is the host name up to the first dot"},
		"@low":                                 {"1: " + reads},
		"@ foo":                                {"1: " + reads},
		"@low include a":                       {"1: " + reads},
		"vrrp_script s {\n@low }":              {"2: " + reads},
		"vrrp_script s {\nscript x { @low }":   {"2: " + reads},
		"$A=@low\n$A net_namespace x":          {"2: " + reads},
		"~SEQ(N,1,3) @low foo":                 {"1: " + reads},
		"@^a @low $A=x\nnet_namespace $A":      {"1: " + reads, "2: the value of $A depends on the configuration identifier"},
		"@low $A=x\ninclude $A":                {"1: " + reads, "2: this form of include"},
		"$A=x\n@low ~LST(A,y) foo\nfoo$A":      {"2: " + reads, "3: the value of $A depends"},
		"$A=x\n@low include a\nfoo$A":          {"2: " + reads, "3: the value of $A depends"},
		"$A=x\n$B=$A=y\n@low $B\nfoo$A":        {"3: " + reads, "4: the value of $A depends"},
		"$M= \\\n@low $A=1 \\\nfoo\n$M\nfoo$A": {"4: " + reads, "4: foo is unknown", "5: the value of $A depends"},
		"@low $A= \\\nfoo\nbar":                {"1: " + reads, "3: bar is unknown"},
		"net_namespace $_INSTANCE":             {"1: $_INSTANCE is the configuration identifier"},
		"net_namespace $_PWD":                  {"1: $_PWD is the directory"},
		"net_namespace $_RANDOM":               {"1: $_RANDOM has another value"},
	} {
		c, err := Read("f", text+"\n")
		require.NoError(t, err)
		var got []string
		for _, u := range c.NotUnderstood {
			got = append(got, fmt.Sprintf("%d: %s", u.Number, u.Message))
		}
		if assert.Len(t, got, len(want), "%s\n%v", text, got) {
			for i := range want {
				assert.Contains(t, strings.Join(got, "\n"), want[i], text)
			}
		}
	}
}

// TestIdentifiedSettings: the lines around one with an identifier keep their places.
func TestIdentifiedSettings(t *testing.T) {
	c, err := Read("f", "$RS= \\\nreal_server 10.0.0.1 { \\\n@lb1 weight 3 \\\n@lb2 weight 4 \\\nuthreshold 9 \\\n}\n"+
		"virtual_server fwmark 1 {\n$RS\n@lb1 real_server 10.0.0.2 {\nweight 2\n}\nreal_server 10.0.0.3 { }\n}\n")
	require.NoError(t, err)
	assert.Equal(t, `7: -A -f 1 -s wlc
8: -a -f 1 -r 10.0.0.1:0 -m -w 1 -x 9
12: -a -f 1 -r 10.0.0.3:0 -m -w 1
8: not understood: keepalived reads the line only with configuration identifier lb1: without option -i, it is the host name up to the first dot
8: not understood: keepalived reads the line only with configuration identifier lb2: without option -i, it is the host name up to the first dot
9: not understood: keepalived reads the line only with configuration identifier lb1: without option -i, it is the host name up to the first dot
`, dump.Config(c))
}

// TestDefinitionsNotUnderstood has lines whose meaning keepalived does not define, or that it
// reads several times.
func TestDefinitionsNotUnderstood(t *testing.T) {
	for text, want := range map[string]string{
		"$A=$A\n$A":                                  "definitions are nested too deeply",
		"$A= \\\nfoo \\\ninclude x\nfoo":             "the definition of $A has an include",
		"$A= \\\n$A=1 \\\nfoo\n$A":                   "changes this definition",
		"$A=include x\n$A":                           "keepalived reads the files of this include twice",
		"$X=1\n${X 1}":                               "this form of $X is not read",
		"$X=1\n${X }":                                "this form of $X is not read",
		"$B=foo3\\\\\nfoo4\n$B":                      "only definitions go on behind",
		"$A=foo \\\nbar\n$A foo":                     "the definition of $A has several lines",
		"$A=" + strings.Repeat("x", 600) + "\n$A $A": "more than 1023 characters",
	} {
		assert.Contains(t, dump.Config(readWith("f", text+"\n", globFiles)), want, text)
	}
}
