// Package nftlist converts rulesets that lvsmark writes to the form in which a version
// of nft lists them.
//
// lvsmark writes the form of nft 1.0.6, which all versions load. Listings of other
// versions differ only in line breaks, in the order of names, in raw payload, in a priority,
// and in one comment:
//
//	0.9.8         raw payload in decimal: "@th,104,8 & 2 == 2"
//	1.0.9         the priority 98 of the input hook by name: "srcnat - 2"
//	0.9.8 to 1.0  two IPv4 addresses per line, one IPv6 address, five of other keys
//	1.1           the same for plain sets; one element per line if it has a value or a comment;
//	              a mask of one bit as a field: "@th,110,1 0x1"
//	1.1.7         names of devices sorted; also "# count N" after the size of a set, if the
//	              kernel reports it
package nftlist

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// A Version is a version of nft: major, minor, patch.
type Version [3]int

// Installed returns the version of the nft in PATH.
func Installed(ctx context.Context) (Version, error) {
	text, err := exec.CommandContext(ctx, "nft", "--version").Output() // nftables v1.0.6 (Lester Gooch #5)
	if err != nil {
		return Version{}, fmt.Errorf("nft --version: %w", err)
	}
	var v Version
	if _, err := fmt.Sscanf(string(text), "nftables v%d.%d.%d", &v[0], &v[1], &v[2]); err != nil {
		return Version{}, fmt.Errorf("nft --version: %q: %w", text, err)
	}
	return v, nil
}

// Less reports whether v is older than other.
func (v Version) Less(other Version) bool {
	for i := range v {
		if v[i] != other[i] {
			return v[i] < other[i]
		}
	}
	return false
}

func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2]) }

// onePerLineVersion is the first version that lists elements with a value or a comment one
// per line.
var onePerLineVersion = Version{1, 1, 0}

const (
	elementsBegin = "\t\telements = { "
	elementsEnd   = " }\n"
	elementsBreak = ",\n\t\t\t     "
)

// ListedBy converts a ruleset that lvsmark wrote to the form in which that version of
// nft lists it.
func (v Version) ListedBy(text string) string {
	text = v.rawPayload(text)
	if !v.Less(inputPriorityVersion) {
		text = strings.ReplaceAll(text, "hook input priority 98;", "hook input priority srcnat - 2;")
	}
	if v.Less(onePerLineVersion) {
		return text
	}
	var b strings.Builder
	for text != "" {
		before, rest, found := strings.Cut(text, elementsBegin)
		b.WriteString(before)
		if !found {
			break
		}
		list, after, _ := strings.Cut(rest, elementsEnd)
		if strings.HasPrefix(list, `"`) && !v.Less(sortedNamesVersion) {
			list = sorted(list)
		}
		b.WriteString(elementsBegin + onePerLine(list) + elementsEnd)
		text = after
	}
	return b.String()
}

// rawPayload converts comparisons of the flags of TCP.
func (v Version) rawPayload(text string) string {
	switch {
	case v.Less(hexVersion):
		return strings.NewReplacer("@th,104,8 != 0x10", "@th,104,8 != 16", "@th,104,8 != 0x2", "@th,104,8 != 2", "@th,104,8 != 0x18", "@th,104,8 != 24",
			"@th,104,8 & 0x2 == 0x2", "@th,104,8 & 2 == 2", "@th,104,8 & 0x10 == 0x10", "@th,104,8 & 16 == 16").Replace(text)
	case v.Less(onePerLineVersion):
		return text
	}
	return strings.NewReplacer("@th,104,8 & 0x2 == 0x2", "@th,110,1 0x1", "@th,104,8 & 0x10 == 0x10", "@th,107,1 0x1").Replace(text)
}

// hexVersion is the first version that lists raw payload in hexadecimal.
var hexVersion = Version{1, 0, 0}

// inputPriorityVersion lists priorities in the input hook by the names of the nat hooks; 1.0.6
// does not.
var inputPriorityVersion = Version{1, 0, 9}

// sortedNamesVersion lists names in the order of their text; 1.1.3 does not.
var sortedNamesVersion = Version{1, 1, 7}

// sorted sorts the elements of a list, and keeps its line breaks.
func sorted(list string) string {
	elements, breaks := betweenElements.Split(list, -1), betweenElements.FindAllString(list, -1)
	slices.Sort(elements)
	var text strings.Builder
	text.WriteString(elements[0])
	for i, element := range elements[1:] {
		text.WriteString(breaks[i] + element)
	}
	return text.String()
}

// onePerLine puts elements on separate lines if the first has a value or a comment: in
// lvsmark's sets, all have one then.
func onePerLine(list string) string {
	elements := betweenElements.Split(list, -1)
	if !strings.ContainsAny(elements[0], " ") {
		return list
	}
	return strings.Join(elements, elementsBreak)
}

// betweenElements would match a comma in a comment too, but the comments of elements
// (names of clusters and settings) have none.
var betweenElements = regexp.MustCompile(`,\s+`)

// Uncounted returns a listing without the counts of elements, which are not part of
// the ruleset.
func Uncounted(list string) string { return countComment.ReplaceAllString(list, "$1") }

var countComment = regexp.MustCompile(`(?m)^(\t\tsize \d+)\t# count \d+$`)
