package main

import (
	"go/ast"
	"go/token"
	"go/types"
)

// statements removes assignments, counts and calls.
func (f *finder) statements(list []ast.Stmt) {
	for _, s := range list {
		switch s := s.(type) {
		case *ast.AssignStmt:
			if s.Tok != token.DEFINE {
				f.add("statement", s.Pos(), s.End(), "")
			}
		case *ast.ExprStmt, *ast.IncDecStmt:
			f.add("statement", s.Pos(), s.End(), "")
		}
	}
}

// empty removes the statements of a block.
func (f *finder) empty(operator string, block *ast.BlockStmt) {
	if len(block.List) > 0 {
		f.add(operator, block.List[0].Pos(), block.List[len(block.List)-1].End(), "")
	}
}

// body removes the statements of a case.
func (f *finder) body(c *ast.CaseClause) {
	if len(c.Body) > 0 {
		f.add("branch", c.Body[0].Pos(), c.Body[len(c.Body)-1].End(), "")
	}
}

// switched negates the cases of a switch without a tag.
func (f *finder) switched(s *ast.SwitchStmt) {
	if s.Tag != nil {
		return
	}
	for _, c := range s.Body.List {
		for _, e := range c.(*ast.CaseClause).List {
			f.condition(e)
		}
	}
}

// branch exchanges continue and break.
func (f *finder) branch(s *ast.BranchStmt) {
	switch s.Tok {
	case token.CONTINUE:
		f.add("loop", s.Pos(), s.Pos()+token.Pos(len("continue")), "break")
	case token.BREAK:
		f.add("loop", s.Pos(), s.Pos()+token.Pos(len("break")), "continue")
	}
}

// assigned exchanges += and -=.
func (f *finder) assigned(s *ast.AssignStmt) {
	other := map[token.Token]string{token.ADD_ASSIGN: "-=", token.SUB_ASSIGN: "+="}[s.Tok]
	if other != "" && f.isNumber(s.Lhs[0]) {
		f.add("sign", s.TokPos, s.TokPos+2, other)
	}
}

// counted exchanges ++ and --.
func (f *finder) counted(s *ast.IncDecStmt) {
	other := map[token.Token]string{token.INC: "--", token.DEC: "++"}[s.Tok]
	f.add("sign", s.TokPos, s.TokPos+2, other)
}

// returned returns zero values, and the other truth value.
func (f *finder) returned(s *ast.ReturnStmt) {
	for _, e := range s.Results {
		if zero := f.zero(e); zero != "" && zero != f.text(e) {
			f.add("return", e.Pos(), e.End(), zero)
		}
	}
}

// zero returns the zero value of an expression's type, and for a truth value its negation;
// empty if there is no short form, or if a constant is zero.
func (f *finder) zero(e ast.Expr) string {
	if value := f.info.Types[e].Value; value != nil && (value.ExactString() == "0" || value.ExactString() == `""`) {
		return ""
	}
	switch t := f.info.TypeOf(e).Underlying().(type) {
	case *types.Basic:
		switch info := t.Info(); {
		case f.text(e) == "true":
			return "false"
		case f.text(e) == "false":
			return "true"
		case info&types.IsBoolean != 0:
			return negated(f.text(e))
		case info&types.IsNumeric != 0:
			return "0"
		case info&types.IsString != 0:
			return `""`
		}
	case *types.Pointer, *types.Slice, *types.Map, *types.Interface, *types.Signature, *types.Chan:
		return "nil"
	}
	return ""
}
