package shell

import "path"

// A block is an open loop, condition, function or subshell. It inherits the properties of the
// block around it.
type block struct {
	keyword   string
	number    int
	condition bool   // the commands at this place are the condition of if, while or until
	tested    bool   // the same of a block around it
	skipped   bool   // the shell does not run it
	subshell  bool   // exit does not end the script here
	before    status // of the command ahead of it
}

// keywords follows the keywords of the shell ahead of a command, and removes them. skipped is
// whether the shell does not run the command.
func (s *script) keywords(words []word, number int, skipped bool) []word {
	for len(words) > 0 {
		first := words[0]
		if first.Quoted || first.expands {
			return words
		}
		switch first.Text {
		case "if", "while", "until", "{":
			s.open(first.Text, number, skipped)
		case "for", "case", "select":
			s.open(first.Text, number, skipped)
			return nil
		case "function":
			s.open(first.Text, number, skipped)
			words = words[min(1, len(words)-1):]
			s.checkFunction(words[0], number)
		case "fi", "done", "esac", "}":
			s.closeBlock()
			if s.block().keyword == "function" {
				s.closeBlock()
			}
		case "!":
			s.negate = !s.negate
		case "then", "else", "do":
			s.setCondition(false)
		case "elif":
			s.setCondition(true)
		case "time":
		default:
			return words
		}
		words = words[1:]
	}
	return nil
}

func (s *script) open(keyword string, number int, skipped bool) {
	around := s.block()
	s.blocks = append(s.blocks, block{
		keyword: keyword, number: number,
		condition: keyword == "if" || keyword == "while" || keyword == "until",
		tested:    around.condition || around.tested,
		skipped:   around.skipped || skipped,
		// A function does nothing until it is called, and lvsmark follows no call.
		subshell: around.subshell || keyword == "(" || keyword == "function",
		before:   s.status,
	})
}

// block returns the innermost block.
func (s *script) block() block {
	if len(s.blocks) == 0 {
		return block{}
	}
	return s.blocks[len(s.blocks)-1]
}

// closeBlock ends the innermost block. Its exit status is that of a command that lvsmark does
// not follow.
func (s *script) closeBlock() {
	if len(s.blocks) == 0 {
		return
	}
	b := s.blocks[len(s.blocks)-1]
	s.blocks = s.blocks[:len(s.blocks)-1]
	s.status = unknown
	if b.skipped {
		s.status = b.before
	}
}

func (s *script) setCondition(condition bool) {
	if len(s.blocks) > 0 {
		s.blocks[len(s.blocks)-1].condition = condition
	}
}

// checkFunction remarks on a function with the name of a program that lvsmark knows: the calls
// are not calls of the program.
func (s *script) checkFunction(name word, number int) {
	program := path.Base(name.Text)
	harmless, _ := isHarmless(program)
	if harmless || changesRules(program) || isQuery(program) || program == "sysctl" {
		s.rules.NotUnderstood(s.line(number), "the function %s replaces a program: %s", program, expand)
	}
}
