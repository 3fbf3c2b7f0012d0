package peer

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A markLine is an element or a rule of a table.
type markLine struct{ family, kind, name, text string }

// String returns "ip, map shards_21: 10000-12499 : 0x00000016".
func (l markLine) String() string {
	return l.family + ", " + l.kind + " " + shortName(l.name) + ": " + l.text
}

var (
	hashedName = regexp.MustCompile(`[\w-]+_[0-9a-f]{16}(_[\w-]+)?\b`)   // has a digest of what the object is for
	ownName    = regexp.MustCompile(`^(devices|except_macs)_[0-9a-f]+$`) // of objects that each director has its own of
	joinedName = regexp.MustCompile(`_(only|and)_.*|_[0-9a-f]{16}(_[\w-]+)?$`)
)

// shortName returns the part of a name that does not depend on devices and link-layer addresses.
func shortName(name string) string {
	if !hashedName.MatchString(name) {
		return name
	}
	return joinedName.ReplaceAllString(name, "")
}

// names replaces names in lines. The names of objects for clusters with `only` have a digest of
// all its conditions in them, also of devices and link-layer addresses, which differ between
// directors. So an object is compared by its content.
type names struct {
	contents map[string][]string // texts by family and name, of names with a digest
	digests  map[string]string
}

// comparableTexts returns the lines as text that is the same on both directors if they mark packets
// in the same way, apart from devices and link-layer addresses.
func comparableTexts(list []markLine) []string {
	list = slices.DeleteFunc(list, func(l markLine) bool { return ownName.MatchString(l.name) })
	n := names{map[string][]string{}, map[string]string{}}
	for _, l := range list {
		if hashedName.MatchString(l.name) {
			n.contents[l.family+l.name] = append(n.contents[l.family+l.name], l.text)
		}
	}
	texts := make([]string, len(list))
	for i, l := range list {
		l.text = n.replaced(l.family, l.text)
		texts[i] = l.String()
	}
	return texts
}

func (n names) replaced(family, text string) string {
	return hashedName.ReplaceAllStringFunc(text, func(name string) string {
		if ownName.MatchString(name) {
			return shortName(name)
		}
		return shortName(name) + "#" + n.digest(family, name)
	})
}

// digest returns a digest of the content of an object, whose order does not matter.
func (n names) digest(family, name string) string {
	key := family + name
	if digest, done := n.digests[key]; done {
		return digest
	}
	n.digests[key] = "" // a chain that refers to itself
	var content []string
	for _, text := range n.contents[key] {
		content = append(content, n.replaced(family, text))
	}
	slices.Sort(content)
	sum := sha256.Sum256([]byte(strings.Join(content, "\n")))
	n.digests[key] = fmt.Sprintf("%x", sum[:4])
	return n.digests[key]
}
