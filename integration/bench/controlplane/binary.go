package controlplane

import (
	"debug/elf"
	"fmt"
	"os"

	"github.com/lvsmark/lvsmark/integration/bench/measure"
	"github.com/lvsmark/lvsmark/integration/bench/process"
)

// binary returns the size of the program, if it is stripped.
func (b *bench) binary() ([]measure.Row, error) {
	program, err := elf.Open(b.Lvsmark)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.Lvsmark, err)
	}
	defer program.Close()
	if program.Section(".symtab") != nil {
		b.Log("%s is not stripped: no row for its size", b.Lvsmark)
		return nil, nil
	}
	info, err := os.Stat(b.Lvsmark)
	if err != nil {
		return nil, err
	}
	size := measure.Samples{"lvsmark": {float64(info.Size()) / megabyte}}
	return []measure.Row{size.Plain(sizes("the binary, stripped", "lvsmark", measure.AtMost(12)))}, nil
}

// start measures the minimum cost of a process of lvsmark: a check of a small spec.
func (b *bench) start() ([]measure.Row, error) {
	s, err := b.site(shape{clusters: 1, vips: 2, servers: 2})
	if err != nil {
		return nil, err
	}
	d, err := b.director()
	if err != nil {
		return nil, err
	}
	b.Log("check of a small spec")
	samples, err := measure.Interleave(b.RoundsOr(41),
		task{run: d.times(b.do("check", s))}.named("lvsmark check, less /bin/true"),
		task{run: d.times(process.Command{Args: []string{"/bin/true"}})}.named("/bin/true"),
	)
	if err != nil {
		return nil, err
	}
	return []measure.Row{samples.Over("/bin/true").Plain(times("check of a small spec", "lvsmark check, less /bin/true", "", measure.AtMost(10)))}, nil
}
