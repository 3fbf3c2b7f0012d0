package director

import (
	"regexp"
	"strings"
)

const keepalivedFile = "etc/keepalived/keepalived.conf"

// keepalivedFiles returns the files that keepalived reads: those of the running process, and of
// the unit if that is started at boot.
func (s *Subject) keepalivedFiles(m manager) (files []string) {
	if arguments, runs := s.Arguments[m.process]; runs {
		files = append(files, usedFile(arguments))
	}
	if s.starts(m) {
		files = append(files, usedFile(s.startArguments(m.unit)))
	}
	return files
}

// shortUseFile matches -f in one word with other options, and with its value: -f, -Dlf, -fFILE.
var shortUseFile = regexp.MustCompile(`^-[nlDdRPCIVXGaxt]*f(.*)$`)

// usedFile returns the file of the option -f (--use-file) of keepalived(8), without the slash of the
// root directory; the default if there is none.
func usedFile(arguments []string) string {
	file := "/" + keepalivedFile
	for i, word := range arguments {
		short := shortUseFile.FindStringSubmatch(word)
		long, isLong := strings.CutPrefix(word, "--use-file=")
		switch {
		case isLong:
			file = long
		case short != nil && short[1] != "":
			file = short[1]
		case (short != nil || word == "--use-file") && i+1 < len(arguments):
			file = arguments[i+1]
		}
	}
	return strings.TrimPrefix(file, "/")
}
