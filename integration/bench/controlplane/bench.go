package controlplane

import (
	"fmt"
	"os"

	"github.com/lvsmark/lvsmark/integration/bench/measure"
	"github.com/lvsmark/lvsmark/integration/bench/process"
	"github.com/lvsmark/lvsmark/integration/equivalence"
)

// A bench has the files and directors of a measurement, and removes them at the end.
type bench struct {
	measure.Options
	directory string // for the files of sites
	directors []*director
}

// on calls f with a bench.
func on(opts measure.Options, f func(*bench) ([]measure.Row, error)) ([]measure.Row, error) {
	directory, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	b := &bench{Options: opts, directory: directory}
	defer b.close()
	return f(b)
}

func (b *bench) close() {
	for _, d := range b.directors {
		_ = d.Close()
	}
	_ = os.RemoveAll(b.directory)
}

// director creates a director in the state after boot.
func (b *bench) director() (*director, error) {
	n, err := equivalence.NewNamespace()
	if err != nil {
		return nil, err
	}
	d := &director{n}
	b.directors = append(b.directors, d)
	return d, d.clear()
}

// A namedTask is the task of a contender, which has its own director.
type namedTask struct {
	name string
	task func(*director) (task, error)
}

// contenders creates a contender with its own director for each task.
func (b *bench) contenders(roles ...namedTask) ([]measure.Contender, error) {
	var contenders []measure.Contender
	for _, r := range roles {
		d, err := b.director()
		if err != nil {
			return nil, err
		}
		t, err := r.task(d)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
		contenders = append(contenders, t.named(r.name))
	}
	return contenders, nil
}

// compare measures the tasks, interleaved; rounds is the default number of rounds.
func (b *bench) compare(what string, rounds int, roles ...namedTask) (measure.Samples, error) {
	contenders, err := b.contenders(roles...)
	if err != nil {
		return nil, err
	}
	b.Log("%s", what)
	return measure.Interleave(b.RoundsOr(rounds), contenders...)
}

// sized returns the number of VIPs, reduced for a smoke run.
func (b *bench) sized(vips int) int {
	if b.Smoke {
		return vips / 50
	}
	return vips
}

// do returns lvsmark's verb with the spec of the site.
func (b *bench) do(verb string, s *site) process.Command {
	return process.Command{Args: []string{b.Lvsmark, "-c", s.yaml, verb}}
}
