package importer

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lvsmark/lvsmark/internal/importer/firewalld"
	"github.com/lvsmark/lvsmark/internal/importer/ftpserver"
	"github.com/lvsmark/lvsmark/internal/importer/iptables"
	"github.com/lvsmark/lvsmark/internal/importer/shell"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A File is a file of a configuration.
type File struct{ Name, Text string }

// ReadAll reads files as one configuration. Rules of iptables find the sets that another
// file has: the output of ipset save, or an ipset of firewalld. It returns the errors of all files.
func ReadAll(files []File) (*oldconfig.Config, error) {
	all := &oldconfig.Config{}
	sets := slices.DeleteFunc(slices.Clone(files), func(f File) bool { return !isSets(f.Text) })
	var failed []error
	tables := map[tableOf]bool{}
	settings, included := pureSettings(files), ftpserver.Included(ftpFiles(files))
	for _, f := range files {
		if included[f.Name] {
			continue
		}
		if directory := ftpserver.SettingsOf(f.Name); directory != "" {
			if list := settings[directory]; list[0].Name == f.Name {
				all.Join(ftpserver.ReadSettings(list))
			}
			continue
		}
		c, err := f.read(sets, files)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		separate(c, f.Name, tables)
		all.Join(c)
	}
	return all, errors.Join(failed...)
}

// pureSettings returns the files of pure-ftpd-wrapper by directory: all files of one are one
// configuration.
func pureSettings(files []File) map[string][]ftpserver.File {
	settings := map[string][]ftpserver.File{}
	for _, f := range files {
		if directory := ftpserver.SettingsOf(f.Name); directory != "" {
			settings[directory] = append(settings[directory], ftpserver.File(f))
		}
	}
	return settings
}

func ftpFiles(files []File) []ftpserver.File {
	list := make([]ftpserver.File, len(files))
	for i, f := range files {
		list[i] = ftpserver.File(f)
	}
	return list
}

// read reads a file, with the sets of other files, and those that proftpd.conf includes.
func (f File) read(sets, all []File) (*oldconfig.Config, error) {
	if ftpserver.IsProftpd(f.Text) && isOf(ftpserver.Name, f.Text) {
		return ftpserver.ReadProftpd(ftpserver.File(f), ftpFiles(all)), nil
	}
	load := func(r *iptables.Ruleset) {
		for _, s := range sets {
			if firewalld.IsSet(s.Text) {
				firewalld.LoadSet(s.Name, s.Text, r)
				continue
			}
			r.Save(s.Name, s.Text)
		}
	}
	if len(sets) > 0 && !isSets(f.Text) {
		for language, read := range map[string]func(string, string, func(*iptables.Ruleset)) (*oldconfig.Config, error){
			"iptables-save": iptables.ReadSaveWith, "firewalld": firewalld.ReadWith, "shell": shell.ReadWith,
		} {
			if isOf(language, f.Text) {
				return read(f.Name, f.Text, load)
			}
		}
	}
	return read(f.Name, f.Text, readers())
}

// isSets reports whether the text has sets alone.
func isSets(text string) bool { return iptables.IsSets(text) || firewalld.IsSet(text) }

// isOf reports whether the reader of the language reads the text.
func isOf(language, text string) bool {
	for _, r := range readers() {
		if r.Recognises(text) {
			return r.Name == language
		}
	}
	return false
}

type tableOf struct {
	family oldconfig.Family
	name   string
}

// separate gives tables of a file another name if an earlier file has tables of the same
// name, as the two backends of iptables have: a packet passes both.
func separate(c *oldconfig.Config, file string, seen map[tableOf]bool) {
	own := map[tableOf]bool{}
	for _, chain := range c.Chains {
		key := tableOf{chain.Family, chain.Table}
		if seen[key] {
			if !own[key] {
				c.AddFinding(chain.Line, "table %s of %s is in an earlier file too: packets are taken to pass both", chain.Table, chain.Family)
			}
			chain.Table = fmt.Sprintf("%s of %s", chain.Table, file)
		}
		own[key] = true
	}
	for key := range own {
		seen[key] = true
	}
}
