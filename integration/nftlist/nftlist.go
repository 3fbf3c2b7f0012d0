// Package nftlist tells how the nft on this machine lists what lvsmark writes.
//
// lvsmark writes one form of a ruleset: that of nft 1.0.6, which all versions
// load. Versions list it in forms that differ in line breaks and in a comment, and
// in nothing else:
//
//	0.9.8 to 1.0  two IPv4 addresses on a line, one IPv6 address, five of other keys
//	1.1           the same for plain sets; one element on a line where it has a value or a comment
//	1.1.7         besides, "# count N" behind the size of a set, where the kernel counts
package nftlist

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
)

// A Version is that of an nft: major, minor, patch.
type Version [3]int

// Installed is the version of the nft on the PATH.
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

// oneOnALine is the first version that lists elements with a value or a comment
// each on a line of its own.
var oneOnALine = Version{1, 1, 0}

const (
	elementsBegin = "\t\telements = { "
	elementsEnd   = " }\n"
	elementsBreak = ",\n\t\t\t     "
)

// ListedBy is a ruleset as lvsmark writes it, in the form in which that version of
// nft lists it.
func (v Version) ListedBy(text string) string {
	if v.Less(oneOnALine) {
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
		b.WriteString(elementsBegin + broken(list) + elementsEnd)
		text = after
	}
	return b.String()
}

// broken puts each element on a line of its own where the first has a value or a
// comment: then all have, in sets of lvsmark's.
func broken(list string) string {
	elements := betweenElements.Split(list, -1)
	if !strings.ContainsAny(elements[0], " ") {
		return list
	}
	return strings.Join(elements, elementsBreak)
}

// betweenElements also matches a comma within a comment. The comments of elements
// are names of clusters and of settings, which have none.
var betweenElements = regexp.MustCompile(`,\s+`)

// Uncounted is a list without the counts of elements: they are nft's and the
// kernel's, not the ruleset's.
func Uncounted(list string) string { return countComment.ReplaceAllString(list, "$1") }

var countComment = regexp.MustCompile(`(?m)^(\t\tsize \d+)\t# count \d+$`)
