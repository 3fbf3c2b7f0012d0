package nft

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// String returns the ruleset as `nft list` prints it and `nft -f` reads it.
func (r *Ruleset) String() string {
	var b strings.Builder
	for _, t := range r.Tables {
		t.write(&b)
	}
	return b.String()
}

func (t *Table) write(b *strings.Builder) {
	fmt.Fprintf(b, "table %s {\n", t.id())
	if t.Comment != "" {
		fmt.Fprintf(b, "\tcomment \"%s\"\n", t.Comment)
	}
	separator := ""
	for _, s := range t.Sets {
		b.WriteString(separator)
		s.write(b)
		separator = "\n"
	}
	for _, c := range t.Chains {
		b.WriteString(separator)
		t.writeChain(b, c)
		separator = "\n"
	}
	b.WriteString("}\n")
}

func (s *Set) write(b *strings.Builder) {
	fmt.Fprintf(b, "\t%s %s {\n\t\ttype %s\n", s.Kind(), s.Name, s.typeText())
	if s.Size > 0 {
		fmt.Fprintf(b, "\t\tsize %d\n", s.Size)
	}
	if flags := s.flagsText(); flags != "" {
		fmt.Fprintf(b, "\t\tflags %s\n", flags)
	}
	if s.Comment != "" {
		fmt.Fprintf(b, "\t\tcomment \"%s\"\n", s.Comment)
	}
	if len(s.Elements) > 0 {
		b.WriteString("\t\telements = { ")
		s.writeElements(b)
		b.WriteString(" }\n")
	}
	b.WriteString("\t}\n")
}

func (s *Set) writeElements(b *strings.Builder) {
	for i, listed := range s.listed() {
		switch {
		case i == 0:
		case i%s.elementsPerLine() == 0:
			b.WriteString(",\n\t\t\t     ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(listed.text)
	}
}

// elementsPerLine is the number of elements that nft prints on a line.
func (s *Set) elementsPerLine() int {
	switch s.KeyType {
	case typeIPv4:
		return 2
	case typeIPv6, typeEther, typeIfname:
		return 1
	}
	return 5
}

func (t *Table) writeChain(b *strings.Builder, c *Chain) {
	fmt.Fprintf(b, "\tchain %s {\n", c.Name)
	if c.Comment != "" {
		fmt.Fprintf(b, "\t\tcomment \"%s\"\n", c.Comment)
	}
	if c.Type != "" {
		fmt.Fprintf(b, "\t\t%s\n", c.hookText())
	}
	for _, r := range c.Rules {
		fmt.Fprintf(b, "\t\t%s\n", r.Text(t.Family))
	}
	b.WriteString("\t}\n")
}

func (c *Chain) hookText() string {
	policy := "accept"
	if c.Policy == verdictDrop {
		policy = "drop"
	}
	return fmt.Sprintf("type %s hook %s priority %s; policy %s;", c.Type, hookName(c.Hook), priorityName(c.Hook, c.Priority), policy)
}

// describe returns the table without its contents on one line.
func (t *Table) describe() string {
	var words []string
	if t.Flags&unix.NFT_TABLE_F_DORMANT != 0 {
		words = append(words, "flags dormant")
	}
	if t.Comment != "" {
		words = append(words, fmt.Sprintf("comment %q", t.Comment))
	}
	if len(words) == 0 {
		return t.id()
	}
	return t.id() + " { " + strings.Join(words, "; ") + " }"
}

// header returns the set without its elements on one line.
func (s *Set) header() string {
	text := s.Name + " { type " + s.typeText()
	if flags := s.flagsText(); flags != "" {
		text += "; flags " + flags
	}
	if s.Size > 0 {
		text += fmt.Sprintf("; size %d", s.Size)
	}
	return text + " }"
}

// header returns the chain without its rules on one line.
func (c *Chain) header() string {
	if c.Type == "" {
		return c.Name
	}
	return c.Name + " { " + c.hookText() + " }"
}

func (s *Set) typeText() string {
	if s.isMap() {
		return typeName(s.KeyType) + " : " + typeName(s.DataType)
	}
	return typeName(s.KeyType)
}

func (s *Set) flagsText() string {
	var flags []string
	for _, f := range []struct {
		bit  uint32
		name string
	}{
		{unix.NFT_SET_CONSTANT, "constant"},
		{unix.NFT_SET_INTERVAL, "interval"},
		{unix.NFT_SET_TIMEOUT, "timeout"},
		{unix.NFT_SET_EVAL, "dynamic"},
	} {
		if s.Flags&f.bit != 0 {
			flags = append(flags, f.name)
		}
	}
	return strings.Join(flags, ",")
}
