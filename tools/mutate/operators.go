package main

import (
	"go/ast"
	"go/token"
	"go/types"
)

// A finder finds the mutants of a file.
type finder struct {
	fset     *token.FileSet
	info     *types.Info
	file     string
	source   string
	function *ast.FuncDecl
	list     []*mutant
}

// mutantsOf returns the mutants of a file.
func mutantsOf(fset *token.FileSet, f *ast.File, info *types.Info, name, text string) []*mutant {
	find := &finder{fset: fset, info: info, file: name, source: text}
	for _, d := range f.Decls {
		find.function, _ = d.(*ast.FuncDecl)
		ast.Inspect(d, func(n ast.Node) bool {
			find.visit(n)
			_, isImport := n.(*ast.ImportSpec)
			return !isImport
		})
	}
	return find.list
}

func (f *finder) visit(n ast.Node) {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		f.binary(n)
	case *ast.BasicLit:
		f.constant(n)
	case *ast.CallExpr:
		f.appended(n)
	case *ast.CompositeLit:
		f.elements(n)
	case *ast.IfStmt:
		f.condition(n.Cond)
		f.empty("branch", n.Body)
		if block, ok := n.Else.(*ast.BlockStmt); ok {
			f.empty("branch", block)
		}
	case *ast.ForStmt:
		f.condition(n.Cond)
	case *ast.SwitchStmt:
		f.switched(n)
	case *ast.BlockStmt:
		f.statements(n.List)
	case *ast.CaseClause:
		f.statements(n.Body)
		f.body(n)
	case *ast.BranchStmt:
		f.branch(n)
	case *ast.AssignStmt:
		f.assigned(n)
	case *ast.IncDecStmt:
		f.counted(n)
	case *ast.ReturnStmt:
		f.returned(n)
	}
}

// add adds the mutant that replaces the text between two positions.
func (f *finder) add(operator string, from, to token.Pos, replacement string) {
	start := f.fset.Position(from)
	m := &mutant{
		file: f.file, source: f.source, start: start.Offset, end: f.fset.Position(to).Offset,
		replacement: replacement, operator: operator, line: start.Line, column: start.Column,
	}
	if f.function != nil {
		m.function = f.function.Name.Name
		m.lines = [2]int{f.fset.Position(f.function.Pos()).Line, f.fset.Position(f.function.End()).Line}
	}
	f.list = append(f.list, m)
}

// text returns the source of a node.
func (f *finder) text(n ast.Node) string {
	return f.source[f.fset.Position(n.Pos()).Offset:f.fset.Position(n.End()).Offset]
}

// isNumber reports whether an expression is a number.
func (f *finder) isNumber(e ast.Expr) bool {
	basic, ok := f.info.TypeOf(e).Underlying().(*types.Basic)
	return ok && basic.Info()&types.IsNumeric != 0
}
