// Package importer reads configurations that serve packets without lvsmark. Each language
// has a package below this one. It is recognised by its content, not by the file's name.
package importer

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/importer/firewalld"
	"github.com/lvsmark/lvsmark/internal/importer/ftpserver"
	"github.com/lvsmark/lvsmark/internal/importer/iptables"
	"github.com/lvsmark/lvsmark/internal/importer/ipvsadm"
	"github.com/lvsmark/lvsmark/internal/importer/keepalived"
	"github.com/lvsmark/lvsmark/internal/importer/ldirectord"
	"github.com/lvsmark/lvsmark/internal/importer/lvscf"
	"github.com/lvsmark/lvsmark/internal/importer/nftables"
	"github.com/lvsmark/lvsmark/internal/importer/shell"
	"github.com/lvsmark/lvsmark/internal/importer/sysctlconf"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A Reader reads one language.
type Reader struct {
	Name string // for messages: "iptables-save"

	// Recognises reports whether the text is of the language. The first reader of the list
	// that recognises a text reads it, so the more specific one comes first.
	Recognises func(text string) bool

	// Read returns what the text says. Lines that it does not understand are no error: they
	// are part of the result. name is the file's name, for Line.File.
	Read func(name, text string) (*oldconfig.Config, error)
}

// readers returns the readers of all languages. A new language is a package and a line here.
func readers() []Reader {
	return []Reader{
		{"iptables-save", iptables.RecognisesSave, iptables.ReadSave},
		{"nft -j", nftables.RecognisesJSON, nftables.ReadJSON},
		{"nft", nftables.Recognises, nftables.Read},
		{ipvsadm.Name, ipvsadm.Recognises, ipvsadm.Read},
		{ipvsadm.DefaultsName, ipvsadm.RecognisesDefaults, ipvsadm.ReadDefaults},
		{ipvsadm.UnitName, ipvsadm.RecognisesUnit, ipvsadm.ReadUnit},
		{"firewalld", firewalld.Recognises, firewalld.Read},
		{keepalived.Name, keepalived.Recognises, keepalived.Read},
		{ldirectord.Name, ldirectord.Recognises, ldirectord.Read},
		{lvscf.Name, lvscf.Recognises, lvscf.Read},
		{ftpserver.Name, ftpserver.Recognises, ftpserver.Read},
		{sysctlconf.Name, sysctlconf.Recognises, sysctlconf.Read},
		{"shell", shell.Recognises, shell.Read}, // after ipvsadm: it has its commands too
	}
}

// MaxSize is the maximum size of a file in bytes. 20,000 rules have about 2 MB.
const MaxSize = 32 << 20

// Read reads a configuration in a language that it recognises.
func Read(name string, r io.Reader) (*oldconfig.Config, error) {
	f, err := Load(name, r)
	if err != nil {
		return nil, err
	}
	return ReadAll([]File{f})
}

// Load reads the text of a file. It returns an error if that has more than MaxSize bytes, or is
// packed or in another encoding than UTF-8, or begins with a byte order mark: of the programs that
// read such files, only those of XML take one.
func Load(name string, r io.Reader) (File, error) {
	content, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return File{}, fmt.Errorf("reading %s: %w", name, err)
	}
	if len(content) > MaxSize {
		return File{}, fmt.Errorf("%s has more than %d MB", name, MaxSize>>20)
	}
	if problem := config.NotText(content); problem != "" {
		return File{}, fmt.Errorf("%s: %s", name, problem)
	}
	text, marked := strings.CutPrefix(string(content), "\ufeff")
	if marked && !strings.HasPrefix(text, "<") {
		return File{}, fmt.Errorf("%s begins with a byte order mark, which is a part of its first word: sed -i '1s/^\\xef\\xbb\\xbf//' removes it", name)
	}
	return File{name, text}, nil
}

// ErrUnknownLanguage is the error for a file in no known language.
var ErrUnknownLanguage = errors.New("unknown language")

func read(name, text string, readers []Reader) (*oldconfig.Config, error) {
	if strings.TrimSpace(text) == "" {
		return &oldconfig.Config{}, nil
	}
	for _, r := range readers {
		if r.Recognises(text) {
			c, err := r.Read(name, text)
			if err != nil {
				return nil, fmt.Errorf("%s (%s): %w", name, r.Name, err)
			}
			return c, nil
		}
	}
	return nil, fmt.Errorf("%s: %w: lvsmark reads %s", name, ErrUnknownLanguage, names(readers))
}

func names(readers []Reader) string {
	var list []string
	for _, r := range readers {
		list = append(list, r.Name)
	}
	return strings.Join(list, ", ")
}
