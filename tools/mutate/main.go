// Command mutate tests the tests: it changes the source of a package in one place, a
// mutant, and runs the tests that reach that place. If all pass, the mutant has survived:
// a test is missing, or the change has no effect.
//
// Usage: go -C tools run ./mutate [flags] PACKAGE…
//
// PACKAGE is a directory from the root of the module, such as nft or "." for the root. The
// tree is not changed: mutants are compiled by "go test -overlay". Mutants that do not
// compile and survivors that "go vet" refuses do not count. Survivors in accepted.txt are
// explained there. The exit status is 1 if another mutant survives.
//
// As root, tests run in a network namespace of their own: a mutant may omit the namespace
// of a test.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
)

// options are the flags.
type options struct {
	root    string
	n       int
	seed    uint64
	file    string
	own     bool
	workers int
	verbose bool
}

func main() {
	var o options
	flag.StringVar(&o.root, "dir", "..", "`directory` of the module")
	flag.IntVar(&o.n, "n", 50, "mutants of each package; 0: all")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the choice")
	flag.StringVar(&o.file, "file", "", "mutate only this `file` of the packages, such as sample.go")
	flag.BoolVar(&o.own, "own", false, "run only the tests of the mutated package")
	flag.IntVar(&o.workers, "workers", runtime.NumCPU(), "mutants at the same time")
	flag.BoolVar(&o.verbose, "v", false, "print all mutants, not only survivors")
	flag.Parse()
	unexplained, err := run(o, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(2)
	}
	if unexplained > 0 {
		os.Exit(1)
	}
}

// run mutates the packages and returns the number of unexplained survivors.
func run(o options, packages []string) (unexplained int, err error) {
	if len(packages) == 0 {
		return 0, fmt.Errorf("no package is named")
	}
	work, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(work)
	accepted, err := readAccepted("mutate/accepted.txt")
	if err != nil {
		return 0, err
	}
	lab, err := newLab(o, work)
	if err != nil {
		return 0, err
	}
	for _, name := range packages {
		score, err := lab.mutate(name, accepted)
		if score != nil {
			fmt.Println(score)
			unexplained += score.survived
		}
		if err != nil {
			return unexplained, err
		}
	}
	return unexplained, nil
}
