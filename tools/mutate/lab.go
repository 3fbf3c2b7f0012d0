package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// A lab has what all mutants share.
type lab struct {
	options
	work   string // directory for temporary files
	module string // path of the module
	list   []listed
}

// listed is a package, as go list prints it.
type listed struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
	TestGoFiles, XTestGoFiles          []string
}

func newLab(o options, work string) (*lab, error) {
	root, err := filepath.Abs(o.root)
	if err != nil {
		return nil, err
	}
	l := &lab{options: o, work: work}
	l.root = root
	module, err := l.goOutput("list", "-m")
	if err != nil {
		return nil, err
	}
	l.module = strings.TrimSpace(string(module))
	out, err := l.goOutput("list", "-json=ImportPath,Imports,TestImports,XTestImports,TestGoFiles,XTestGoFiles", "./...")
	if err != nil {
		return nil, err
	}
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var p listed
		if err := d.Decode(&p); err != nil {
			return nil, err
		}
		l.list = append(l.list, p)
	}
	return l, nil
}

// suites returns the tests that may kill a mutant of the package: its own first, those of the
// root, and those of packages that import it. Packages of integration are left out: they
// need minutes or a VM.
func (l *lab) suites(mutated string) []*suite {
	tested := []string{mutated}
	if !l.own {
		tested = append(tested, l.module)
	}
	for _, p := range l.list {
		imports := slices.Concat(p.Imports, p.TestImports, p.XTestImports)
		if !l.own && slices.Contains(imports, mutated) && !strings.HasPrefix(p.ImportPath, l.module+"/integration") {
			tested = append(tested, p.ImportPath)
		}
	}
	var suites []*suite
	for i, path := range tested {
		hasTests := slices.ContainsFunc(l.list, func(p listed) bool {
			return p.ImportPath == path && len(p.TestGoFiles)+len(p.XTestGoFiles) > 0
		})
		if (hasTests || i == 0) && slices.Index(tested, path) == i {
			suites = append(suites, &suite{lab: l, tested: path, mutated: mutated, empty: !hasTests})
		}
	}
	return suites
}

// mutate tries the mutants of a package and prints the survivors.
func (l *lab) mutate(directory string, accepted accepted) (*score, error) {
	source, err := loadSource(l.root, directory)
	if err != nil {
		return nil, err
	}
	byFile, err := source.mutants()
	if err != nil {
		return nil, err
	}
	if l.file != "" {
		byFile = slices.DeleteFunc(byFile, func(list []*mutant) bool {
			return len(list) == 0 || filepath.Base(list[0].file) != l.file
		})
	}
	mutants := choose(byFile, l.n, l.seed, source.compiles)
	total := &score{name: source.PkgPath, accepted: accepted, verbose: l.verbose}
	suites := l.suites(source.PkgPath)
	if err := suites[0].measure(); err != nil {
		return nil, err
	}
	work := make(chan *mutant)
	var wait sync.WaitGroup
	for range l.workers {
		wait.Go(func() {
			for m := range work {
				total.count(l.try(m, suites))
			}
		})
	}
	for _, m := range mutants {
		work <- m
	}
	close(work)
	wait.Wait()
	return total, total.err
}
