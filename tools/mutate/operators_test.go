package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestOperators mutates statements. Each has exactly these mutants.
func TestOperators(t *testing.T) {
	for statement, want := range map[string][]string{
		"if a < b { use(a) }":                 {"boundary: if a <= b { use(a) }", "branch: if a < b { }", "negate: if !(a < b) { use(a) }", "statement: if a < b { }"},
		"for a != b { a++ }":                  {"boundary: for a == b { a++ }", "sign: for a != b { a-- }", "statement: for a != b { }"},
		"ok = ok && !done || done":            {"logic: ok = ok && !done && done", "logic: ok = ok || !done || done", "statement:"},
		"a = b + 2":                           {"constant: a = b + 1", "constant: a = b + 3", "sign: a = b - 2", "statement:"},
		"a -= b":                              {"sign: a += b", "statement:"},
		`text := text + "x"; use(text)`:       {`statement: text := text + "x";`},
		"c := b; use(c)":                      {"statement: c := b;"},
		"defer use(a)":                        nil,
		"list = append(list, a)":              {"append: list = list", "statement:"},
		"list = append(list, a, b)":           {"append: list = append(list, a)", "append: list = append(list, b)", "statement:"},
		"for range list { continue }":         {"loop: for range list { break }"},
		"for { break }":                       {"loop: for { continue }"},
		"use(pair{one: a, two: b})":           {"field: use(pair{one: a})", "field: use(pair{two: b})", "statement:"},
		"use([]int{a})":                       {"field: use([]int{})", "statement:"},
		"if done { } else { use(a) }":         {"branch: if done { } else { }", "negate: if !(done) { } else { use(a) }", "statement: if done { } else { }"},
		"switch a { case b: use(a) }":         {"branch: switch a { case b: }", "statement: switch a { case b: }"},
		"switch { case done: }":               {"negate: switch { case !(done): }"},
		"switch { case !done: }":              {"negate: switch { case done: }"},
		"return a, \"x\", true, io.EOF":       {`return: return 0, "x", true, io.EOF`, `return: return a, "", true, io.EOF`, `return: return a, "x", false, io.EOF`, `return: return a, "x", true, nil`},
		"return 0, \"\", a == b, nil":         {"boundary: return 0, \"\", a != b, nil", "constant: return -1, \"\", a == b, nil", "constant: return 1, \"\", a == b, nil", "return: return 0, \"\", !(a == b), nil"},
		"return none, \"\" + \"\", done, nil": {`return: return none, "" + "", !(done), nil`},
		"return use2(), text, done, nil":      {`return: return 0, text, done, nil`, `return: return use2(), "", done, nil`, `return: return use2(), text, !(done), nil`},
	} {
		var got []string
		for _, m := range mutantsIn(t, "\t"+statement+"\n") {
			got = append(got, strings.TrimSpace(m.operator+": "+strings.TrimSpace(oneLine(changedLine(m)))))
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", statement, got, want)
		}
	}
}

// mutantsIn returns the mutants of a function with that body.
func mutantsIn(t *testing.T, body string) []*mutant {
	t.Helper()
	text := `package p

import "io"

type pair struct{ one, two int }

func use(...any) {}
func use2() int  { return zero }

var zero int

const none = 0

func f(a, b int, list []int, text string, ok, done bool) (int, string, bool, error) {
` + body + `	panic(io.EOF)
}
`
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "p.go", text, 0)
	if err != nil {
		t.Fatal(err)
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}}
	eof := types.NewPackage("io", "io")
	eof.Scope().Insert(types.NewVar(token.NoPos, eof, "EOF", types.Universe.Lookup("error").Type()))
	eof.MarkComplete()
	config := types.Config{Importer: importer{packageThatImports(eof)}, Error: func(error) {}}
	_, _ = config.Check("p", fset, []*ast.File{f}, info)
	return slices.DeleteFunc(mutantsOf(fset, f, info, "p.go", text), func(m *mutant) bool {
		return m.line < 15 || strings.Contains(changedLine(m), "func") || strings.Contains(m.change(), "panic")
	})
}

func packageThatImports(p *types.Package) *types.Package {
	importing := types.NewPackage("q", "q")
	importing.SetImports([]*types.Package{p})
	return importing
}

// changedLine returns the line after the change.
func changedLine(m *mutant) string {
	_, after, _ := strings.Cut(m.change(), " → ")
	return after
}

// TestReaching: the tests that a mutant needs, the fastest first.
func TestReaching(t *testing.T) {
	profile := `mode: set
p/a.go:1.10,3.4 1 1
p/a.go:3.4,9.2 2 0
p/b.go:1.10,3.4 1 0
`
	covered, all, err := parseProfile(profile)
	if err != nil {
		t.Fatal(err)
	}
	tests := []testRun{{name: "slow", took: 2, covered: covered}, {name: "fast", took: 1, covered: covered}, {name: "none"}, {name: "program", took: 3, everything: true}}
	for _, c := range []struct {
		m    mutant
		want string
	}{
		{mutant{file: "x/a.go", line: 2, column: 1}, "^(fast|slow|program)$"},
		{mutant{file: "x/a.go", line: 1, column: 10}, "^(fast|slow|program)$"},
		{mutant{file: "x/a.go", line: 3, column: 3}, "^(fast|slow|program)$"},
		{mutant{file: "x/a.go", line: 3, column: 4}, "^(program)$"},
		{mutant{file: "x/b.go", line: 2, column: 1}, "^(program)$"},
		{mutant{file: "x/a.go", line: 20, column: 1, function: "f", lines: [2]int{1, 20}}, "^(fast|slow|program)$"},
		{mutant{file: "x/a.go", line: 20, column: 1, function: "f", lines: [2]int{15, 20}}, "^(program)$"},
		{mutant{file: "x/a.go", line: 20, column: 1}, "^(none|fast|slow|program)$"},
	} {
		if got := namePattern(reaching(tests, all, &c.m)); got != c.want {
			t.Errorf("%d:%d: got %s, want %s", c.m.line, c.m.column, got, c.want)
		}
	}
}

func TestReadAccepted(t *testing.T) {
	write := func(text string) string {
		name := t.TempDir() + "/accepted.txt"
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	list, err := readAccepted(write("# comment\n\none\ntwo\n\tboth\n\nthree\n\tonly\n"))
	if err != nil || len(list) != 3 || list["one"] != "both" || list["two"] != "both" || list["three"] != "only" {
		t.Errorf("%v, %v", list, err)
	}
	for _, text := range []string{"one\n", "\treason\n", "one\n\treason\n\treason\n"} {
		if _, err := readAccepted(write(text)); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
	if list, err := readAccepted("missing"); list != nil || err != nil {
		t.Errorf("%v, %v", list, err)
	}
}

// TestChange: a change is described by its function and its lines, wherever they are.
func TestChange(t *testing.T) {
	source := "func f() {\n\tif a {\n\t\tb()\n\t}\n}\n"
	start := strings.Index(source, "b()")
	m := &mutant{file: "p/a.go", source: source, start: start, end: start + 3, operator: "statement", function: "f", line: 3, column: 3}
	if got := m.change(); got != "p/a.go: f: statement: b() →" {
		t.Error(got)
	}
	if got := m.String(); got != "p/a.go:3:3: f: statement: b() →" {
		t.Error(got)
	}
	if got := m.text(); got != "func f() {\n\tif a {\n\t\t\n\t}\n}\n" {
		t.Error(got)
	}
	m.start, m.end, m.replacement = start-4, start+6, "{ }"
	if got := m.change(); got != "p/a.go: f: statement: if a { b() } → if a { }" {
		t.Error(got)
	}
}
