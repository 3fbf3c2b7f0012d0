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

// sequences are lines with ~SEQ, ~LST and definitions that stand for statements of one word each.
var sequences = []string{
	"~SEQ(X, 1, 3) foo${X} bar",
	"~SEQ(X,1,2,6) foo$X",
	"~SEQ(X,3,1) foo$X",
	"~SEQ(X,7,-3,0) foo$X",
	"~SEQ(X,5,1,5) foo$X",
	"~SEQ(X,3) foo$X",
	"~SEQ(X,-3) foo$X",
	"~SEQ(X,0) foo$X",
	"~SEQ( X , 1 , 2 )foo$X",
	"~SEQ (X,+01,010) foo$X",
	"~SEQx(X,0x1f,-1,0x1d) foo$X",
	"~SEQx (X,9,11)\tfoo${X}x",
	"$N=3\n~SEQ(X,1,$N) foo$X",
	"$N=3\n~SEQ(X,${N},5) foo$X\nbar$X",
	"$X=q\n~SEQ(X,1,2) foo$X\nbar$X",
	"~SEQ(X,1,2) ~SEQ(Y,${X},3) foo${X}-$Y",
	"$B= \\\nfoo$X \\\nbar${X}${Y}\n~SEQ(Y,1,2) ~SEQ(X,1,2) $B\nbaz",
	"~LST(X, a , b.c:d/e-f_g ) foo$X",
	"~LST (X,a)foo${X}\nbar$X",
	"~LST( {X, Y}, {a, b} , { c,d }) foo${X}-${Y}",
	"~LST({X},{a},{b}) foo${X}",
	"~LST({X,Y},{1,2},{3,5}) ~SEQ(Z,$X,$Y) foo${X}.$Z",
	"~SEQ(Z,5,6) ~LST({X,Y},{1,2},{3,4}) foo${Y}.$Z",
	"$X=1\nfoo$X,5\nfoo$X)5\nfoo${X}5",
}

// TestSequences: keepalived reads the same statements. They are unknown to both, and both name them.
func TestSequences(t *testing.T) {
	need.Programs(t, "keepalived")
	texts := sequences
	r := rand.New(rand.NewPCG(1, 22))
	for range 20 {
		texts = append(texts, randomSequence(r))
	}
	for _, text := range texts {
		text += "\n"
		c, err := Read("f", text)
		require.NoError(t, err)
		var got []string
		for _, u := range c.NotUnderstood {
			word, found := strings.CutSuffix(u.Message, " is unknown")
			assert.True(t, found, "%s%v", text, u)
			got = append(got, word)
		}
		assert.Equal(t, unknownKeywords(t, text), got, text)
	}
}

func randomSequence(r *rand.Rand) string {
	text := fmt.Sprintf("~SEQ(X,%d,%d)", r.IntN(9)-4, r.IntN(9)-4)
	switch start, step := r.IntN(9)-4, 1+r.IntN(3); r.IntN(3) {
	case 0:
		text = fmt.Sprintf("~SEQ(X,%d,%d,%d)", start, step, start+r.IntN(6))
	case 1:
		text = fmt.Sprintf("~SEQ(X,%d,%d,%d)", start, -step, start-r.IntN(6))
	}
	if r.IntN(2) == 0 {
		text += fmt.Sprintf(" ~SEQ(Y,%d)", r.IntN(7)-3)
	} else {
		text += " ~LST({Y, Z}, {a, 1}, {b, 2})"
	}
	return text + " foo${X}_${Y} bar\nbaz${X}_$Y"
}

// unknownKeywords returns the words that keepalived names as unknown.
func unknownKeywords(t *testing.T, text string) (words []string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keepalived.conf")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	output, _ := exec.CommandContext(t.Context(), "keepalived", "--config-test", "--use-file", file).CombinedOutput()
	for _, found := range regexp.MustCompile(`(?m)^\(Line \d+\) Unknown keyword '(.*)'$`).FindAllStringSubmatch(string(output), -1) {
		words = append(words, found[1])
	}
	require.NotEmpty(t, words, "%s%s", text, output)
	return words
}

// TestSequencesOfServers has real servers of ~SEQ and ~LST, whose blocks are on the same line.
func TestSequencesOfServers(t *testing.T) {
	c, err := Read("f", `$RS= \
real_server 10.0.1.${N} 21 { \
	weight $N \
}
virtual_server 198.51.100.1 21 {
	protocol TCP
	~SEQ(N, 11, 12) real_server 10.0.0.${N} 21 { weight 2 }
	~LST({N, W}, {13, 5}, {14, 6}) real_server 10.0.0.${N} 21 { weight $W }
	~SEQ(N,1,2) $RS
}
`)
	require.NoError(t, err)
	assert.Equal(t, `5: -A -t 198.51.100.1:21 -s wlc
7: -a -t 198.51.100.1:21 -r 10.0.0.11:21 -m -w 2
7: -a -t 198.51.100.1:21 -r 10.0.0.12:21 -m -w 2
8: -a -t 198.51.100.1:21 -r 10.0.0.13:21 -m -w 5
8: -a -t 198.51.100.1:21 -r 10.0.0.14:21 -m -w 6
9: -a -t 198.51.100.1:21 -r 10.0.1.1:21 -m -w 1
9: -a -t 198.51.100.1:21 -r 10.0.1.2:21 -m -w 2
`, dump.Config(c))
}

// TestSequencesNotUnderstood: each line has one remark, whatever the number of lines it stands for.
func TestSequencesNotUnderstood(t *testing.T) {
	for text, want := range map[string]string{
		"~SEQ(X,1,2)":                              "the line is not ~SEQ(",
		"~SEQ 1 foo":                               "the line is not ~SEQ(",
		"~SEQX(X,1,2) foo":                         "the line is not ~SEQ(",
		"~SEQ(1X,1,2) foo":                         "is not the name of a definition",
		"~SEQ(X,1,2,x) foo":                        "is not a number",
		"~SEQ(X,,2) foo":                           "is not a number",
		"~SEQ(X,1_0) foo":                          "is not a number",
		"~SEQ(X,08) foo":                           "is not a number",
		"~SEQ(X,99999999999999) foo":               "is not a number",
		"~SEQ(X,1,9999999) foo":                    "stands for more than",
		"~SEQ(X,1,-1,3) foo":                       "keepalived refuses the numbers",
		"~SEQ(X,1,0,3) foo":                        "keepalived refuses the numbers",
		"~SEQ(X,1,2,3,4) foo":                      "keepalived refuses the numbers",
		"~SEQx(X,-1,1) foo":                        "keepalived refuses the numbers",
		"~SEQ({X,Y},1,3) foo":                      "~SEQ takes one name",
		"~SEQ(X,1,$Y) foo":                         "$Y has no definition",
		"~SEQ(X,1,9) foo$Y":                        "$Y has no definition",
		"~SEQ(X,1,9) foo$X.1":                      "keepalived does not replace $X here",
		"~SEQ(X,1,9) foo$X{":                       "keepalived does not replace $X here",
		"~SEQ(X,1,9) @main foo":                    "only with configuration identifier main",
		"~SEQ(X,1,9) include foo":                  "keepalived reads the files of this include twice",
		"$M= \\\nfoo \\\n9\n~SEQ(X,1,$M) foo":      "the definition of $M has several lines",
		"~LST(X,$Y,b) foo":                         "is not a value",
		"~SEQ(X,1,9) ~FOO(1) foo":                  "the line is not ~SEQ(",
		"$B= \\\nfoo \\\nbar\n~SEQ(B,1,9) foo":     "is not the name of a definition",
		"$B= \\\n~SEQ(X,1,9) foo\n$B":              "~SEQ and ~LST are not supported here",
		"$A=~SEQ(X,1,9) foo\n$A":                   "~SEQ and ~LST are not supported here",
		"~LST(X) foo":                              "is not a value",
		"~LST(X,a,,b) foo":                         "is not a value",
		"~LST(X,a b) foo":                          "is not a value",
		"~LST(X,{a},{b}) foo":                      "is not a value",
		"~LST({X,Y},{a,b},{c}) foo":                "not as many values",
		"~LST({X,Y},a,b) foo":                      "not rows in braces",
		"~SEQ(X,1,2000) ~SEQ(Y,1,2000) ~LST(Z,a) ": "the line is not ~SEQ(",
	} {
		c, err := Read("f", text+"\n")
		require.NoError(t, err)
		if assert.Len(t, c.NotUnderstood, 1, text) {
			assert.Contains(t, c.NotUnderstood[0].Message, want, text)
		}
	}
}
