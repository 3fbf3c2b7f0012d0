package doctor

import (
	"regexp"
	"strings"
)

// ofSpec are the commands of lvsmark that read the spec of this host.
var ofSpec = regexp.MustCompile(`\blvsmark (apply|diff|render (?:vsftpd|proftpd|pure-ftpd)|doctor --check)\b`)

// NameSpec names the file of the spec in the commands of the findings, which are for the
// default file otherwise.
func (r Report) NameSpec(file string) {
	to := strings.ReplaceAll("lvsmark -c "+word(file), "$", "$$") + " $1"
	for i := range r {
		for j := range r[i].Findings {
			f := &r[i].Findings[j]
			f.Text, f.Command = ofSpec.ReplaceAllString(f.Text, to), ofSpec.ReplaceAllString(f.Command, to)
		}
	}
}

// plain matches a word in which a shell replaces nothing.
var plain = regexp.MustCompile(`^[\w+./:=@%-]+$`)

// word returns a file name as a word of the shell.
func word(name string) string {
	if plain.MatchString(name) {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}
