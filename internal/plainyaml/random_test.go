package plainyaml_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/internal/plainyaml"
)

// TestRandomTexts compares Read with the library: lines of a few pieces, well formed or not.
func TestRandomTexts(t *testing.T) {
	starts := []string{"", "", "", "  ", "  ", "    ", " ", "- ", "  - ", "    - ", "-", "- - "}
	keys := []string{"a: ", "b: ", "name: ", "c:", "d:  ", "null: ", "x:y: ", "", "1: ", "a b: "}
	values := []string{
		"x", "21", "0", "x1", "192.0.2.1", "2001:db8::1", "5m", "1-2", "true", "null", "NULL", "no", "''", `"q: #"`, "'it''s'", "[]", "{}", "[a, 2]", "[a,b]", "[ a ]", "[a ,b ]",
		"{a: b}", "{a: b, c: [d]}", "{ a: b }", "{a: , b:  }", "{a:,b: c}", "{a:}", "{a:b}", "[[a], {b: c}]", "[a: b]", "x:y", "x:", ":x", "a/b", "/a", "-1", "-", "", "", "x y", "x#y", "1e3", "2001-1-1", "0x1f", "08", ".5", "[a", "a]", "x,y", "a\tb",
	}
	ends := []string{"", "", "", "", " ", " # c", "#c", "  #"}
	pick := func(r *rand.Rand, from []string) string { return from[r.IntN(len(from))] }
	count := 0
	const texts = 200_000
	for seed := range uint64(texts) {
		r := rand.New(rand.NewPCG(seed, 0))
		var b strings.Builder
		for range 1 + r.IntN(5) {
			b.WriteString(pick(r, starts) + pick(r, keys) + pick(r, values) + pick(r, ends) + "\n")
		}
		if got := plainyaml.Read([]byte(b.String())); got != nil {
			count++
			assertSame(t, []byte(b.String()), got)
		}
		if t.Failed() {
			return
		}
	}
	assert.Greater(t, count, texts/50, "too few texts are read")
	t.Logf("%d of %d texts are read", count, texts)
}
