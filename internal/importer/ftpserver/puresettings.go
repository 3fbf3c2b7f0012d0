package ftpserver

import (
	"path"
	"regexp"
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A File is a file of a configuration of several.
type File struct{ Name, Text string }

// pureDirectory is where pure-ftpd-wrapper(8) reads one file for each setting.
const pureDirectory = "pure-ftpd/conf"

// SettingsOf returns the directory of a file of pure-ftpd-wrapper(8); "" if it is another file.
func SettingsOf(name string) string {
	directory := path.Dir(name)
	if directory == pureDirectory || strings.HasSuffix(directory, "/"+pureDirectory) {
		return directory
	}
	return ""
}

var (
	settingName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]+$`)
	twoNumbers  = regexp.MustCompile(`^\d+\s+\d+$`)
)

// ReadSettings reads the files of one directory, which are one configuration: the name of each is a
// key, and its text the value. The wrapper takes the first line of a file that is not empty and no
// comment, and ignores files with other names, such as those that dpkg keeps.
func ReadSettings(files []File) *oldconfig.Config {
	r := &reader{}
	f := pureServer(oldconfig.Line{File: files[0].Name, Number: 1})
	for _, file := range files {
		if settingName.MatchString(path.Base(file.Name)) {
			r.name = file.Name
			r.setting(f, path.Base(file.Name), file.Text)
		}
	}
	r.config.FTP = append(r.config.FTP, f)
	return &r.config
}

func (r *reader) setting(f *oldconfig.FTPServer, key, text string) {
	for l := range r.eachLine(text) {
		l.Text = strings.TrimSpace(l.Text)
		if l.Text == "" || l.Text[0] == '#' {
			continue
		}
		switch {
		case key == "PassivePortRange" && !twoNumbers.MatchString(l.Text):
			r.config.AddNotUnderstood(l, "pure-ftpd-wrapper does not start with this line: expected two ports with space between them")
		case key == "PassivePortRange":
			f.Line = l
			r.pureRange(f, l.Text, l)
		case (key == "ForcePassiveIP" || key == "Bind") && strings.ContainsAny(l.Text, " \t"):
			r.config.AddNotUnderstood(l, "pure-ftpd-wrapper does not start with this line: the value has space in it")
		case key == "ForcePassiveIP":
			r.setAddress(f, l.Text, l)
		case key == "Bind":
			r.pureBind(f, l.Text, l)
		case key == "NATmode":
			r.natMode(l.Text, l)
		}
		return
	}
}

// natMode records that the server refuses PASV (disallow_passive of pure-ftpd).
func (r *reader) natMode(text string, l oldconfig.Line) {
	switch strings.ToLower(text) {
	case "yes", "1", "on", "true":
		r.config.AddFinding(l, "passive data connections are off")
	}
}
