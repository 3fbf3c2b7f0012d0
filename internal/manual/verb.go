package manual

import (
	"fmt"
	"strings"
	"time"
)

// A Verb is the help of a verb, as the command line prints it.
type Verb struct {
	Name     string // "lvsmark status"
	Short    string
	Synopsis string // "lvsmark status [CLUSTER...]"
	Long     string // indented blocks stay as they are
	Flags    string // a line for each flag, its description behind two spaces
	Global   string // flags of every verb
	Examples string
	Sections [][2]string // further ones: title, and text that stays as it is
	SeeAlso  []string    // "lvsmark-diff(8)"
}

// PageName returns the name of the page, like "lvsmark-status".
func (v Verb) PageName() string { return strings.ReplaceAll(v.Name, " ", "-") }

// Page returns the page of section 8 in the language of man(7).
func (v Verb) Page(date time.Time) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, ".nh\n.TH \"%s\" \"8\" \"%s\" \"lvsmark\" \"System Administration\"\n",
		strings.ToUpper(v.PageName()), date.UTC().Format(time.DateOnly))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", escape(v.PageName()), escape(v.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n\\fB%s\\fP%s\n", escape(v.Name), escape(strings.TrimPrefix(v.Synopsis, v.Name)))
	b.WriteString(".SH DESCRIPTION\n")
	for i, block := range strings.Split(v.Long, "\n\n") {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		writeBlock(&b, block)
	}
	writeFlagsSection(&b, "OPTIONS", v.Flags)
	writeFlagsSection(&b, "OPTIONS OF EVERY VERB", v.Global)
	if v.Examples != "" {
		b.WriteString(".SH EXAMPLES\n")
		writePlain(&b, v.Examples)
	}
	for _, s := range v.Sections {
		fmt.Fprintf(&b, ".SH %s\n", escape(s[0]))
		writePlain(&b, s[1])
	}
	b.WriteString(".SH SEE ALSO\n")
	for i, page := range v.SeeAlso {
		name, section, _ := strings.Cut(page, "(")
		comma := ","
		if i == len(v.SeeAlso)-1 {
			comma = ""
		}
		fmt.Fprintf(&b, ".BR %s (%s%s\n", escape(name), section, comma)
	}
	return []byte(b.String())
}

// writeBlock writes lines without an empty one between them: a paragraph, or text that stays
// as it is if each line is indented.
func writeBlock(b *strings.Builder, block string) {
	block = strings.Trim(block, "\n")
	for line := range strings.SplitSeq(block, "\n") {
		if !strings.HasPrefix(line, "  ") {
			b.WriteString(escape(block) + "\n")
			return
		}
	}
	writePlain(b, block)
}

// writePlain writes text that stays as it is.
func writePlain(b *strings.Builder, text string) {
	b.WriteString(".nf\n" + escape(strings.Trim(text, "\n")) + "\n.fi\n")
}

func writeFlagsSection(b *strings.Builder, title, flags string) {
	if flags == "" {
		return
	}
	fmt.Fprintf(b, ".SH %s\n", title)
	for line := range strings.Lines(flags) {
		flag, description, _ := strings.Cut(strings.TrimSpace(line), "  ")
		fmt.Fprintf(b, ".TP\n\\fB%s\\fP\n%s\n", escape(flag), escape(strings.TrimSpace(description)))
	}
}

// escape escapes what man(7) takes for requests or typographic characters.
func escape(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "`", "\\(ga", "'", `\(aq`, "^", `\(ha`, "~", `\(ti`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
