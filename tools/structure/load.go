package main

import (
	"fmt"
	"go/ast"
	"go/types"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// load reads the packages of the product: all of the module but integration.
func load(directory string) ([]*room, error) {
	const mode = packages.NeedName | packages.NeedFiles | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedModule | packages.NeedImports | packages.NeedDeps
	list, err := packages.Load(&packages.Config{Mode: mode, Dir: directory}, "./...")
	if err != nil {
		return nil, err
	}
	var rooms []*room
	for _, p := range list {
		if len(p.Errors) > 0 {
			return nil, fmt.Errorf("%s: %w", p.PkgPath, p.Errors[0])
		}
		if len(p.GoFiles) == 0 {
			continue // tests alone
		}
		name, err := filepath.Rel(p.Module.Dir, filepath.Dir(p.GoFiles[0]))
		if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(name, "integration") {
			rooms = append(rooms, newRoom(name, p))
		}
	}
	return rooms, nil
}

func newRoom(name string, p *packages.Package) *room {
	r := &room{name: name, arrows: map[arrow][]string{}}
	for _, f := range p.Syntax {
		r.files = append(r.files, file{fileName(p, f), p.Fset.File(f.Pos()).LineCount()})
		r.measureFunctions(p, f)
	}
	for id, object := range p.TypesInfo.Uses {
		if object.Pkg() != p.Types || !isDeclaration(p, object) {
			continue
		}
		a := arrow{filepath.Base(p.Fset.Position(id.Pos()).Filename), filepath.Base(p.Fset.Position(object.Pos()).Filename)}
		if a.from != a.to && !slices.Contains(r.arrows[a], object.Name()) {
			r.arrows[a] = append(r.arrows[a], object.Name())
		}
	}
	return r
}

// isDeclaration tells what stands at the top of a file, methods included, from
// variables and fields.
func isDeclaration(p *packages.Package, object types.Object) bool {
	if f, ok := object.(*types.Func); ok {
		return f.Pos().IsValid()
	}
	return object.Parent() == p.Types.Scope()
}

func (r *room) measureFunctions(p *packages.Package, f *ast.File) {
	for _, d := range f.Decls {
		if function, ok := d.(*ast.FuncDecl); ok {
			lines := p.Fset.Position(function.End()).Line - p.Fset.Position(function.Pos()).Line + 1
			r.functions = append(r.functions, lines)
		}
	}
}

func fileName(p *packages.Package, f *ast.File) string {
	return filepath.Base(p.Fset.Position(f.Pos()).Filename)
}
