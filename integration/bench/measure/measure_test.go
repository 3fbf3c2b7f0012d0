package measure

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestInterleave: each contender runs once per round, the order rotates, and the first
// round does not count.
func TestInterleave(t *testing.T) {
	var order strings.Builder
	runs := 0.0
	contender := func(name string) Contender {
		return Contender{name, func() (float64, error) {
			order.WriteString(name)
			runs++
			return runs, nil
		}}
	}
	samples, err := Interleave(3, contender("a"), contender("b"), contender("c"))
	require.NoError(t, err)
	assert.Equal(t, "abc"+"bca"+"cab"+"abc", order.String())
	assert.Equal(t, Samples{"a": {6, 8, 10}, "b": {4, 9, 11}, "c": {5, 7, 12}}, samples)
}

func TestInterleaveFails(t *testing.T) {
	broken := errors.New("broken")
	_, err := Interleave(1, Contender{"nft -f", func() (float64, error) { return 0, broken }})
	require.ErrorIs(t, err, broken)
	assert.ErrorContains(t, err, "nft -f")
}

// TestRatio: ratios are of the same round.
func TestRatio(t *testing.T) {
	s := Samples{"a": {10, 1000, 24, 40}, "b": {5, 500, 8, 40}}
	got := s.Ratio(Row{Section: "s", Name: "n", Of: "a", To: "b", Unit: "ms", Bar: AtMost(2)})
	assert.Equal(t, Row{
		Section: "s", Name: "n", Of: "a", To: "b", Unit: "ms", OfMedian: 32, ToMedian: 24,
		Median: 2, Low: 1.75, High: 2.25, Rounds: 4, Bar: AtMost(2),
	}, got)
}

func TestPlain(t *testing.T) {
	got := Samples{"a": {3, 1, 2}}.Plain(Row{Of: "a", Unit: "MB"})
	assert.Equal(t, Row{Of: "a", Unit: "MB", OfMedian: 2, Median: 2, Low: 1.5, High: 2.5, Rounds: 3}, got)
}

func TestOver(t *testing.T) {
	s := Samples{"base": {10, 20}, "a": {13, 25}, "b": {11, 22}}
	assert.Equal(t, Samples{"a": {3, 5}, "b": {1, 2}}, s.Over("base"))
	assert.Panics(t, func() { s.Over("nobody") })
}

func TestBars(t *testing.T) {
	for _, c := range []struct {
		bar   Bar
		value float64
		keeps bool
	}{
		{AtMost(1), 1, true},
		{AtMost(1), 1.01, false},
		{AtLeast(5), 5, true},
		{AtLeast(5), 4.99, false},
		{Bar{}, 1000, true},
	} {
		assert.Equal(t, c.keeps, Row{Bar: c.bar, Median: c.value}.Keeps(), "%v of %v", c.value, c.bar)
	}
}

func TestRounds(t *testing.T) {
	assert.Equal(t, 11, Options{}.RoundsOr(11))
	assert.Equal(t, 1, Options{Smoke: true}.RoundsOr(11))
	assert.Equal(t, 3, Options{Rounds: 3, Smoke: true}.RoundsOr(11))
}

func figure(name string, low, median, high float64, bar Bar) Row {
	return Row{Section: "s", Name: name, Of: "a", To: "b", Unit: "ms", OfMedian: 20, ToMedian: 40, Low: low, Median: median, High: high, Rounds: 5, Bar: bar}
}

// TestMoves: only figures outside the spread of the record have moved, and the kind of
// bar decides which direction is better.
func TestMoves(t *testing.T) {
	record := []Row{
		figure("within", 0.9, 1, 1.1, AtMost(1)),
		figure("slower", 0.9, 1, 1.1, AtMost(1)),
		figure("cheaper", 9, 10, 11, AtLeast(5)),
		figure("exact", 5, 5, 5, Bar{}),
		figure("gone", 1, 1, 1, Bar{}),
	}
	moves := Moves(record, []Row{
		figure("within", 1.05, 1.3, 1.4, AtMost(1)),
		figure("slower", 1.2, 1.3, 1.4, AtMost(1)),
		figure("cheaper", 13, 14, 15, AtLeast(5)),
		figure("exact", 5.1, 5.1, 5.1, Bar{}),
		figure("new", 7, 7, 7, Bar{}),
	})
	require.Len(t, moves, 2)
	assert.Equal(t, "worse: s: slower: 1.20 to 1.40, was 0.900 to 1.10", moves[0].String())
	assert.Equal(t, "better: s: cheaper: 13.0 to 15.0, was 9.00 to 11.0", moves[1].String())
}

func TestRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bench.json")
	rows, err := ReadRecord(path)
	require.NoError(t, err)
	assert.Empty(t, rows)
	_, err = ReadFile(path)
	require.Error(t, err)

	want := []Row{figure("one", 1, 2, 3, AtMost(2)), {Section: "memory", Name: "two", Of: "apply", Unit: "MB", Median: 7, On: "Linux"}}
	require.NoError(t, WriteFile(path, want))
	rows, err = ReadRecord(path)
	require.NoError(t, err)
	assert.Equal(t, want, rows)
}

// TestRenew: sections are replaced as a whole.
func TestRenew(t *testing.T) {
	other := Row{Section: "other", Name: "stays"}
	record := []Row{figure("a", 1, 1, 1, Bar{}), other, figure("gone", 1, 1, 1, Bar{})}
	now := figure("a", 2, 2, 2, Bar{})
	assert.Equal(t, []Row{other, now}, Renew(record, []Row{now}))
}

func TestTable(t *testing.T) {
	memory := Row{Section: "memory", Name: "of an apply", Of: "lvsmark apply", Unit: "MB", OfMedian: 41.25, Median: 41.25, Low: 41, High: 41.5, Bar: AtMost(60), On: "Linux 6"}
	slower := figure("first apply", 1.2, 1.3, 1.4, AtMost(1))
	rows := []Row{slower, memory, figure("without a bar", 0.01234, 0.5, 12345, Bar{})}
	var text strings.Builder
	require.NoError(t, WriteTable(&text, rows, Moves([]Row{figure("first apply", 0.9, 1, 1.1, AtMost(1))}, rows)))
	assert.Equal(t, `**s**

| figure        | of         | to         | median | quartiles       | bar       |                         |
| ------------- | ---------- | ---------- | ------ | --------------- | --------- | ----------------------- |
| first apply   | a, 20.0 ms | b, 40.0 ms | 1.30   | 1.20 to 1.40    | at most 1 | MISSED; worse, was 1.00 |
| without a bar | a, 20.0 ms | b, 40.0 ms | 0.500  | 0.0123 to 12345 |           |                         |

**memory** (Linux 6)

| figure      | of            | to  | median  | quartiles    | bar           |      |
| ----------- | ------------- | --- | ------- | ------------ | ------------- | ---- |
| of an apply | lvsmark apply |     | 41.2 MB | 41.0 to 41.5 | at most 60 MB | kept |
`, text.String())
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{1: "1", 999: "999", 1000: "1,000", 10_001: "10,001", 1_000_000: "1,000,000"} {
		assert.Equal(t, want, Grouped(n))
	}
	assert.Equal(t, "one VIP", Count(1, "VIP"))
	assert.Equal(t, "2,000 VIPs", Count(2000, "VIP"))
}
