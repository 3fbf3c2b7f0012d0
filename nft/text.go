package nft

import (
	"fmt"
	"strings"

	"github.com/google/nftables/userdata"
)

// String is the ruleset as `nft list` prints it and `nft -f` reads it.
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

// elementsPerLine is nft's own measure.
func (s *Set) elementsPerLine() int {
	switch s.KeyType {
	case typeIPv4:
		return 2
	case typeIPv6:
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
	return fmt.Sprintf("type %s hook %s priority %s; policy %s;", c.Type, hookName(c.Hook), priorityName(c.Priority), policy)
}

// listed are the elements as nft lists them: an interval is one.
func (s *Set) listed() []Interval {
	if s.isInterval() {
		return s.intervals()
	}
	list := make([]Interval, len(s.Elements))
	for i, e := range s.Elements {
		address, _ := addrOf(e.parts().key)
		list[i] = Interval{AddressRange{address, address}, s.elementText(e)}
	}
	return list
}

// elementText is one element; of an interval, its start.
func (s *Set) elementText(e Element) string {
	p := e.parts()
	b := make([]byte, 0, 64)
	return string(s.appendRest(appendValueText(b, s.KeyType, p.key), p))
}

// appendRest writes what stands behind the key.
func (s *Set) appendRest(b []byte, p parts) []byte {
	if comment := userdataText(p.userdata, userdata.TypeComment); comment != "" {
		b = fmt.Appendf(b, " comment \"%s\"", comment)
	}
	switch {
	case p.isVerdict:
		b = append(append(b, " : "...), verdictText(p.verdict, p.chain)...)
	case p.data != "":
		b = appendValueText(append(b, " : "...), s.DataType, p.data)
	}
	if p.more {
		b = append(b, " (and more)"...)
	}
	return b
}
