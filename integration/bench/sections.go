package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/integration/bench/controlplane"
	"github.com/lvsmark/lvsmark/integration/bench/dataplane"
	"github.com/lvsmark/lvsmark/integration/bench/measure"
	"github.com/lvsmark/lvsmark/integration/bench/services"
)

// A section is a part of the benchmark.
type section struct {
	name   string
	ipvs   bool // needs a kernel with IPVS
	byName bool // slow: runs only if -only contains it
	run    func(measure.Options) ([]measure.Row, error)
}

func sections() []section {
	return []section{
		{name: "data", run: dataplane.Run},
		{name: "control", run: controlplane.Run},
		{name: "memory", run: controlplane.Memory},
		{name: "scale", run: controlplane.Scale},
		{name: "services", ipvs: true, run: services.Run},
		{name: "services-large", ipvs: true, byName: true, run: services.Large},
	}
}

func names() []string {
	var names []string
	for _, s := range sections() {
		names = append(names, s.name)
	}
	return names
}

// choose returns the sections in only, or all if it is empty, that need IPVS or that
// do not.
func choose(only string, ipvs bool) ([]section, error) {
	wanted := split(only)
	for _, name := range wanted {
		if !slices.Contains(names(), name) {
			return nil, fmt.Errorf("no section %q; there are %s", name, strings.Join(names(), ", "))
		}
	}
	return slices.DeleteFunc(sections(), func(s section) bool {
		named := slices.Contains(wanted, s.name)
		return s.ipvs != ipvs || !named && (s.byName || len(wanted) > 0)
	}), nil
}

// measureHere runs the sections in sequence.
func measureHere(chosen []section, opts measure.Options) ([]measure.Row, error) {
	here, err := machine()
	if err != nil {
		return nil, err
	}
	var rows []measure.Row
	for _, s := range chosen {
		measured, err := s.run(opts)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		for _, row := range measured {
			row.On = here
			if opts.Smoke {
				row.Bar = measure.Bar{} // bars are for other sizes
			}
			rows = append(rows, row)
		}
	}
	return rows, nil
}
