package ftpserver

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// maxIncluded bounds the files that are read for one configuration: files may include each other.
const maxIncluded = 1000

// include reads the files that match the pattern of Include, or that are in the directory.
func (p *proftpdReader) include(pattern string, l oldconfig.Line) {
	files := matching(p.others, pattern)
	if len(files) == 0 {
		p.config.AddNotUnderstood(l, "Include reads other files: give them too, or delete the line if there are none")
		return
	}
	name := p.name
	for _, f := range files {
		if p.included++; p.included > maxIncluded || slices.Contains(p.within, f.Name) {
			p.config.AddNotUnderstood(l, "the files include each other, or are more than %d", maxIncluded)
			break
		}
		p.name = f.Name
		p.read(f.Text)
	}
	p.name = name
}

// matching returns the files of a pattern, by name: those that it matches, or that are in the directory
// of that name. They may be below another root than /.
func matching(files []File, pattern string) []File {
	pattern = strings.TrimRight(pattern, "/")
	if pattern == "" {
		return nil
	}
	list := slices.DeleteFunc(slices.Clone(files), func(f File) bool {
		return !isBelow(f.Name, pattern) && !isBelow(path.Dir(f.Name), pattern)
	})
	slices.SortFunc(list, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// isBelow reports whether the pattern matches the last parts of the name.
func isBelow(name, pattern string) bool {
	parts := strings.Split("/"+strings.TrimLeft(name, "/"), "/")
	count := strings.Count(pattern, "/") + 1
	if len(parts) < count {
		return false
	}
	tail := strings.Join(parts[len(parts)-count:], "/")
	if strings.HasPrefix(pattern, "/") {
		tail = "/" + strings.Join(parts[len(parts)-count+1:], "/")
	}
	matched, err := path.Match(pattern, tail)
	return matched && err == nil
}

// Included returns the names of files that a proftpd.conf among the files includes. They are a part of
// it, and no configuration of their own. Files that include each other alone are not among them.
func Included(files []File) map[string]bool {
	reached := map[string]map[string]bool{} // by each proftpd.conf
	byOther := map[string]bool{}
	for _, f := range files {
		if !IsProftpd(f.Text) {
			continue
		}
		from := map[string]bool{}
		reach(f, files, from)
		delete(from, f.Name)
		for name := range from {
			byOther[name] = true
		}
		reached[f.Name] = from
	}
	included := map[string]bool{}
	for name, from := range reached {
		if !byOther[name] {
			maps.Copy(included, from)
		}
	}
	return included
}

// reach adds the files that a file includes, and those that these include.
func reach(f File, files []File, into map[string]bool) {
	for _, name := range includesOf(f, files) {
		if into[name] {
			continue
		}
		into[name] = true
		for _, other := range files {
			if other.Name == name {
				reach(other, files, into)
			}
		}
	}
}

func includesOf(f File, files []File) (names []string) {
	r := &reader{name: f.Name}
	for l := range r.directives(f.Text) {
		if words := proftpdWords(l.Text); len(words) > 1 && strings.EqualFold(words[0], "include") {
			for _, other := range matching(files, words[1]) {
				names = append(names, other.Name)
			}
		}
	}
	return names
}

// IsProftpd reports whether the text is proftpd.conf.
func IsProftpd(text string) bool { return languageOf(text) == proftpdLanguage }

// ReadProftpd reads proftpd.conf with the files that it includes.
func ReadProftpd(f File, others []File) *oldconfig.Config {
	r := &reader{name: f.Name}
	r.proftpdWith(f.Text, others)
	return &r.config
}
