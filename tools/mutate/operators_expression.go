package main

import (
	"go/ast"
	"go/token"
	"strconv"
	"strings"
)

// binary exchanges a comparison with its boundary, && with ||, and + with -.
func (f *finder) binary(e *ast.BinaryExpr) {
	operator, replacement := "", ""
	switch e.Op {
	case token.LSS, token.LEQ, token.GTR, token.GEQ, token.EQL, token.NEQ:
		operator = "boundary"
		replacement = map[token.Token]string{
			token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">", token.EQL: "!=", token.NEQ: "==",
		}[e.Op]
	case token.LAND:
		operator, replacement = "logic", "||"
	case token.LOR:
		operator, replacement = "logic", "&&"
	case token.ADD, token.SUB:
		if !f.isNumber(e) {
			return
		}
		operator, replacement = "sign", map[token.Token]string{token.ADD: "-", token.SUB: "+"}[e.Op]
	default:
		return
	}
	f.add(operator, e.OpPos, e.OpPos+token.Pos(len(e.Op.String())), replacement)
}

// constant adds 1 to an integer, and subtracts 1.
func (f *finder) constant(e *ast.BasicLit) {
	if e.Kind != token.INT {
		return
	}
	value, err := strconv.ParseInt(e.Value, 0, 64)
	if err != nil {
		return
	}
	f.add("constant", e.Pos(), e.End(), strconv.FormatInt(value+1, 10))
	f.add("constant", e.Pos(), e.End(), strconv.FormatInt(value-1, 10))
}

// appended removes the elements of an append, and the whole append if it has only one.
func (f *finder) appended(call *ast.CallExpr) {
	name, ok := call.Fun.(*ast.Ident)
	if !ok || name.Name != "append" || len(call.Args) < 2 {
		return
	}
	if len(call.Args) == 2 {
		f.add("append", call.Pos(), call.End(), f.text(call.Args[0]))
		return
	}
	for i := 1; i < len(call.Args); i++ {
		f.add("append", call.Args[i-1].End(), call.Args[i].End(), "")
	}
}

// elements removes the fields and elements of a composite literal.
func (f *finder) elements(literal *ast.CompositeLit) {
	for i, e := range literal.Elts {
		switch {
		case i > 0:
			f.add("field", literal.Elts[i-1].End(), e.End(), "")
		case len(literal.Elts) > 1:
			f.add("field", e.Pos(), literal.Elts[1].Pos(), "")
		default:
			f.add("field", literal.Lbrace+1, literal.Rbrace, "")
		}
	}
}

// condition negates a condition. Of a comparison for equality, the boundary does.
func (f *finder) condition(e ast.Expr) {
	if binary, ok := e.(*ast.BinaryExpr); ok && (binary.Op == token.EQL || binary.Op == token.NEQ) || e == nil {
		return
	}
	f.add("negate", e.Pos(), e.End(), negated(f.text(e)))
}

func negated(text string) string {
	if rest, ok := strings.CutPrefix(text, "!"); ok && !strings.ContainsAny(rest, " ") {
		return rest
	}
	return "!(" + text + ")"
}
