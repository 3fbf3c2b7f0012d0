package shell

// carriageReturn ends a word at the end of a line. The shell takes the character for a part of
// the word; the reader says so once, and goes on with what was meant.
func (l *lexer) carriageReturn() {
	l.endWord()
	if l.returned == 0 && len(l.command.words) > 0 {
		l.returned = l.number
	}
	l.text = l.text[1:]
}
