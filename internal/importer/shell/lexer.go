package shell

import (
	"strings"

	"github.com/lvsmark/lvsmark/internal/importer/iptables"
)

// A command is a simple command of a script.
type command struct {
	words    []word
	operator string // ahead of it: "", "&&", "||", "|", "(", ")"
	after    string // the operator behind it
	number   int    // of its first line
	document *document
	output   string // file of standard output; empty: none, or several
	input    bool   // standard input is a file or a string
	open     bool   // a quote has no end
	traced   bool   // bash -x has printed it
	replaces bool   // exec is ahead of it: the shell ends with it
}

type word struct {
	iptables.Word
	expands bool // the shell replaces parts of it
}

// A document is a here-document.
type document struct {
	end     string
	literal bool // the end was quoted: the shell replaces nothing
	tabs    bool // <<-: tabs ahead are no part of it
	text    string
	number  int // of its first line
}

// A lexer splits a script into commands, as sh(1) does.
type lexer struct {
	text   string
	number int

	command   command
	word      strings.Builder
	inWord    bool
	current   word
	target    string // of a redirection whose word is not yet complete: ">", "<", "<<", "<<-"
	documents []*document
	returned  int // first line of a command that ends with a carriage return, or 0
	emit      func(command)
}

// split calls emit for each command of the script. It returns the first line of a command that ends
// with a carriage return, or 0.
func split(text string, emit func(command)) (returned int) {
	l := &lexer{text: text, number: 1, emit: emit}
	for l.text != "" {
		l.next()
	}
	l.endCommand("")
	return l.returned
}

// next reads one character or token.
func (l *lexer) next() {
	c := l.text[0]
	switch {
	case c == '\n':
		l.text = l.text[1:]
		l.endCommandAfter("", l.readDocuments)
		l.number++
	case strings.HasPrefix(l.text, "\\\n"):
		l.text = l.text[2:]
		l.number++
	case c == ' ' || c == '\t':
		l.endWord()
		l.text = l.text[1:]
	case strings.HasPrefix(l.text, "\r\n") || l.text == "\r":
		l.carriageReturn()
	case c == '#' && !l.inWord:
		l.comment()
	case c == '\'' || c == '"':
		l.quote(c)
	case c == '\\' && len(l.text) > 1:
		l.add(l.text[1:2])
		l.current.Quoted = true
		l.text = l.text[2:]
	case c == '$' || c == '`':
		l.expansion()
	case strings.IndexByte(";&|()<>", c) >= 0:
		l.operator()
	default:
		if strings.IndexByte("*?~", c) >= 0 {
			l.current.expands = true
		}
		l.add(l.text[:1])
		l.text = l.text[1:]
	}
}

func (l *lexer) comment() {
	if end := strings.IndexByte(l.text, '\n'); end >= 0 {
		l.text = l.text[end:]
		return
	}
	l.text = ""
}

func (l *lexer) add(text string) {
	if !l.inWord && len(l.command.words) == 0 && l.target == "" {
		l.command.number = l.number
	}
	l.inWord = true
	l.word.WriteString(text)
}

// quote reads a string in quotes.
func (l *lexer) quote(c byte) {
	l.add("")
	l.current.Quoted = true
	end := 1
	for ; end < len(l.text) && l.text[end] != c; end++ {
		switch b := l.text[end]; {
		case b == '\n':
			l.number++
		case c == '"' && (b == '$' || b == '`'):
			l.current.expands = true
			inner := min(substitution(l.text[end:]), len(l.text)-end)
			l.number += strings.Count(l.text[end:end+inner], "\n")
			l.word.WriteString(l.text[end : end+inner-1])
			end += inner - 1
		case c == '"' && b == '\\' && end+1 < len(l.text):
			end++
			if l.text[end] == '\n' {
				l.number++
				continue
			}
			if strings.IndexByte("$`\"\\", l.text[end]) < 0 {
				l.word.WriteByte('\\')
			}
		}
		l.word.WriteByte(l.text[end])
	}
	if end >= len(l.text) {
		l.command.open = true
		l.text = ""
		return
	}
	l.text = l.text[end+1:]
}

// expansion reads $NAME, ${…}, $(…) and `…`, whose value is not known.
func (l *lexer) expansion() {
	l.add("")
	l.current.expands = true
	end := substitution(l.text)
	if end > len(l.text) {
		l.command.open = true
		end = len(l.text)
	}
	l.number += strings.Count(l.text[:end], "\n")
	l.word.WriteString(l.text[:end])
	l.text = l.text[end:]
}

// closing returns the place behind the closing character, or more than the length. What is in
// quotes closes nothing.
func closing(text string, from int, opens, closes byte) int {
	depth := 1
	for i := from; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			i++
		case c == closes:
			if depth--; depth == 0 {
				return i + 1
			}
		case c == opens:
			depth++
		case c == '\'' || c == '"':
			i = closingQuote(text, i+1, c) - 1
		}
	}
	return len(text) + 1
}

// closingQuote returns the place behind the quote that ends a string, or more than the length.
// A substitution in double quotes has quotes of its own.
func closingQuote(text string, from int, quote byte) int {
	for i := from; i < len(text); i++ {
		switch c := text[i]; {
		case c == quote:
			return i + 1
		case quote == '"' && c == '\\':
			i++
		case quote == '"' && (c == '$' || c == '`'):
			i += substitution(text[i:]) - 1
		}
	}
	return len(text) + 1
}

// substitution returns the length of $NAME, ${…}, $(…) or `…` at the start of the text: 1 for
// $NAME, and more than the length of the text if the end is missing.
func substitution(text string) int {
	switch {
	case text[0] == '`':
		return closing(text, 1, 0, '`')
	case strings.HasPrefix(text, "$("):
		return closing(text, 2, '(', ')')
	case strings.HasPrefix(text, "${"):
		return closing(text, 2, '{', '}')
	}
	return 1
}

// operator reads ; & && || | ( ) and redirections.
func (l *lexer) operator() {
	for _, operator := range []string{"<<<", "<<-", "&>>", "&&", "||", "<<", ">>", "&>", ">&", "<&", ">|", "<", ">", ";", "&", "|", "(", ")"} {
		if !strings.HasPrefix(l.text, operator) {
			continue
		}
		l.text = l.text[len(operator):]
		if strings.ContainsAny(operator, "<>") {
			l.redirect(operator)
			return
		}
		if rest := strings.TrimLeft(l.text, " \t"); operator == "(" && strings.HasPrefix(rest, ")") {
			l.text = rest[1:]
			l.endWord()
			name := l.command.words[max(0, len(l.command.words)-1):]
			l.command.words = append([]word{{Word: iptables.Word{Text: "function"}}}, name...)
		}
		if operator == ";" || operator == "&" || len(l.command.words) > 0 && l.command.words[0].Text == "function" {
			operator = ""
		}
		l.endCommand(operator)
		return
	}
}

// redirect begins a redirection. A number ahead of it is no word of the command.
func (l *lexer) redirect(operator string) {
	if l.inWord && strings.Trim(l.word.String(), "0123456789") == "" && !l.current.Quoted {
		l.word.Reset()
		l.inWord = false
	}
	l.endWord()
	l.target = operator
}

func (l *lexer) endWord() {
	if !l.inWord {
		return
	}
	w := l.current
	w.Text = l.word.String()
	l.word.Reset()
	l.inWord, l.current = false, word{}
	target := l.target
	l.target = ""
	switch target {
	case "":
		l.command.words = append(l.command.words, w)
	case "<<", "<<-":
		l.command.document = &document{end: w.Text, literal: w.Quoted, tabs: target == "<<-"}
		l.documents = append(l.documents, l.command.document)
	case "<", "<<<":
		l.command.input = true
	case ">", ">|", ">>":
		l.command.output = w.Text
	}
}

func (l *lexer) endCommand(operator string) { l.endCommandAfter(operator, func() {}) }

// endCommandAfter hands over the command after the text of its here-documents is read.
func (l *lexer) endCommandAfter(operator string, read func()) {
	l.endWord()
	l.target = ""
	read()
	if c := l.command; len(c.words) > 0 || c.operator == "(" || c.operator == ")" {
		c.after = operator
		l.emit(c)
		l.command = command{operator: operator, number: l.number}
		return
	}
	if operator != "" || l.command.operator == "" {
		l.command = command{operator: operator, number: l.number}
	}
}

// readDocuments reads the here-documents that begin in the next line.
func (l *lexer) readDocuments() {
	line := l.number
	for _, d := range l.documents {
		var b strings.Builder
		d.number = line + 1
		for l.text != "" {
			var text string
			text, l.text, _ = strings.Cut(l.text, "\n")
			line++
			if d.tabs {
				text = strings.TrimLeft(text, "\t")
			}
			if text == d.end {
				break
			}
			b.WriteString(text + "\n")
		}
		d.text = b.String()
	}
	l.number = line
	l.documents = nil
}
