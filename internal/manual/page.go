package manual

import (
	"fmt"
	"strings"
	"time"

	"github.com/cpuguy83/go-md2man/v2/md2man"

	"github.com/lvsmark/lvsmark/docs"
)

// SpecPage returns lvsmark.yaml(5) in the language of man(7): the page docs/spec.md, with
// its tables as lists of keys.
func SpecPage(date time.Time) []byte {
	all := sections(docs.Spec())
	var b strings.Builder
	fmt.Fprintf(&b, "%% \"LVSMARK.YAML\" \"5\" \"%s\" \"lvsmark\" \"File Formats\"\n", date.UTC().Format(time.DateOnly))
	b.WriteString("# NAME\nlvsmark.yaml - the clusters of a Linux Virtual Server director\n\n")
	b.WriteString("# SYNOPSIS\n`/etc/lvsmark/lvsmark.yaml`\n\n# DESCRIPTION\n")
	for _, s := range all {
		if s.level > 1 {
			fmt.Fprintf(&b, "%s %s\n", strings.Repeat("#", s.level-1), heading(s))
		}
		b.WriteString(plainText(s.text))
		for _, key := range s.keys {
			writeKey(&b, key)
		}
		b.WriteString("\n")
	}
	b.WriteString("# SEE ALSO\n**lvsmark(8)**, **lvsmark-check(8)**, **ipvsadm(8)**, **nft(8)**\n")
	return md2man.Render([]byte(b.String()))
}

func heading(s section) string {
	title := strings.ReplaceAll(s.title, "`", "")
	if s.level == 2 {
		return strings.ToUpper(title)
	}
	return title
}

// writeKey writes a key as an entry of a list.
func writeKey(b *strings.Builder, k Key) {
	var facts []string
	if k.Default != "" {
		fact := "default: " + k.Default
		if k.Default == "required" {
			fact = k.Default
		}
		facts = append(facts, fact)
	}
	if k.Range != "" {
		facts = append(facts, k.Range)
	}
	fmt.Fprintf(b, "\n**%s**\n: (%s) %s\n", k.Name, plain(strings.Join(facts, "; ")), plain(k.Meaning))
}

// plainText is plain for each line that is not in a fenced block.
func plainText(text string) string {
	var b strings.Builder
	fenced := false
	for line := range strings.Lines(text) {
		fenced = fenced != strings.HasPrefix(line, "```")
		if !fenced {
			line = plain(line)
		}
		b.WriteString(line)
	}
	return b.String()
}
