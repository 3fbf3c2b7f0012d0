package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"

	"golang.org/x/tools/go/packages"
)

// A source is a package with its types.
type source struct {
	*packages.Package
	root string
}

func loadSource(root, directory string) (*source, error) {
	const mode = packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedSyntax |
		packages.NeedTypes | packages.NeedTypesInfo | packages.NeedImports
	list, err := packages.Load(&packages.Config{Mode: mode, Dir: root}, "./"+directory)
	if err != nil {
		return nil, err
	}
	if len(list) != 1 || len(list[0].Errors) > 0 {
		return nil, fmt.Errorf("%s: %v", directory, list[0].Errors)
	}
	return &source{list[0], root}, nil
}

// mutants returns all mutants of the package, by file.
func (s *source) mutants() (byFile [][]*mutant, err error) {
	for _, f := range s.Syntax {
		name := s.Fset.Position(f.Pos()).Filename
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		name, err = filepath.Rel(s.root, name)
		if err != nil {
			return nil, err
		}
		byFile = append(byFile, mutantsOf(s.Fset, f, s.TypesInfo, name, string(text)))
	}
	return byFile, nil
}

// compiles reports whether the package compiles with the mutant.
func (s *source) compiles(m *mutant) bool {
	fset := token.NewFileSet()
	mutated, err := parser.ParseFile(fset, m.file, m.text(), parser.SkipObjectResolution)
	if err != nil {
		return false
	}
	files := []*ast.File{mutated}
	for i, name := range s.CompiledGoFiles {
		if filepath.Base(name) == filepath.Base(m.file) {
			continue
		}
		f, err := parser.ParseFile(fset, s.CompiledGoFiles[i], nil, parser.SkipObjectResolution)
		if err != nil {
			return false
		}
		files = append(files, f)
	}
	failed := false
	config := types.Config{Importer: importer{s.Types}, Error: func(error) { failed = true }}
	_, err = config.Check(s.PkgPath, fset, files, nil)
	return err == nil && !failed
}

// An importer returns the packages that a package has imported already.
type importer struct{ of *types.Package }

func (i importer) Import(path string) (*types.Package, error) {
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	for _, p := range i.of.Imports() {
		if p.Path() == path {
			return p, nil
		}
	}
	return nil, fmt.Errorf("%s is not imported", path)
}
