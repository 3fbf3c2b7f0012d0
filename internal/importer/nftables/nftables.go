// Package nftables reads rules of nft: its text, and its JSON (`nft -j list ruleset`). It has
// no parser of its own: nft loads the text in a network namespace that ends afterwards, and
// the rules are read back from the kernel there.
package nftables

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/firewall"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/internal/printable"
	"github.com/lvsmark/lvsmark/internal/thread"
	"github.com/lvsmark/lvsmark/nft"
)

// RecognisesJSON reports whether the text is JSON as nft writes it.
func RecognisesJSON(text string) bool {
	return strings.HasPrefix(strings.TrimSpace(text), "{") && strings.Contains(text[:min(len(text), 4096)], `"nftables"`)
}

// Recognises reports whether the first statement of the text is one of nft.
func Recognises(text string) bool {
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || strings.HasPrefix(words[0], "#"):
		case words[0] == "flush" && len(words) == 2 && words[1] == "ruleset":
			return true
		default:
			return len(words) > 1 && isStatement(words)
		}
	}
	return false
}

// isStatement reports whether the words begin a table, or a command of nft about one.
func isStatement(words []string) bool {
	switch words[0] {
	case "add", "create", "delete", "destroy", "flush", "insert":
		return len(words) > 2 && (isFamily(words[2]) || words[1] == "table")
	case "table":
		return true
	case "define", "redefine", "undefine":
		return words[0] == "undefine" || strings.Contains(strings.Join(words[1:], " "), "=")
	case "include": // that of keepalived.conf has no quotes
		return strings.HasPrefix(words[1], `"`)
	}
	return false
}

func isFamily(word string) bool {
	switch word {
	case "ip", "ip6", "inet", "netdev", "bridge", "arp":
		return true
	}
	return false
}

// Read reads the text of nft. The sources of its objects have no lines: they are named as
// "table ip mangle, chain prerouting, rule 3".
func Read(name, text string) (*oldconfig.Config, error) {
	c, err := load(name, text)
	if err == nil {
		remarkOnIPTables(c, name, text)
	}
	return c, err
}

// ReadJSON reads JSON of nft.
func ReadJSON(name, text string) (*oldconfig.Config, error) {
	ordered, err := inOrder(text)
	if err != nil {
		return nil, err
	}
	return load(name, ordered, "-j")
}

// inOrder sorts the objects of a listing so that each follows those that it names: nft lists
// verdict maps before the chains that they lead to, and does not load that.
func inOrder(text string) (string, error) {
	var document struct {
		Objects []json.RawMessage `json:"nftables"`
	}
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		return "", err
	}
	order := []string{"metainfo", "table", "chain", "set", "map", "element", "rule"}
	place := make(map[string]int)
	for i, kind := range order {
		place[kind] = i + 1
	}
	keyOf := func(object json.RawMessage) int {
		var kinds map[string]json.RawMessage
		_ = json.Unmarshal(object, &kinds) // nft refuses what is no object
		for kind := range kinds {
			if place[kind] != 0 {
				return place[kind]
			}
		}
		return place["set"] // counters and other objects that rules name
	}
	slices.SortStableFunc(document.Objects, func(a, b json.RawMessage) int { return keyOf(a) - keyOf(b) })
	ordered, err := json.Marshal(document)
	return string(ordered), err
}

// load loads the text on a thread that ends with it, and with the thread ends the network
// namespace.
func load(name, text string, options ...string) (*oldconfig.Config, error) {
	config, err := thread.Call(func() (*oldconfig.Config, error) { return loadInNewNamespace(text, options) })
	if err != nil {
		return nil, err
	}
	for _, c := range config.Chains {
		c.File = name
		for _, rule := range c.Rules {
			rule.File = name
		}
	}
	return config, nil
}

func loadInNewNamespace(text string, options []string) (*oldconfig.Config, error) {
	nftPath, err := exec.LookPath("nft")
	if err != nil {
		return nil, errors.New("rules of nft are loaded by the program nft, which is not installed")
	}
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("rules of nft are loaded in a new network namespace: %w; run lvsmark as root, or as `unshare -r lvsmark …`", err)
	}
	err = run(nftPath, text, options)
	named := false
	if err != nil && strings.Contains(err.Error(), noDevice) {
		var inOtherWords string
		if inOtherWords, named = byName(text); named {
			err = run(nftPath, inOtherWords, options)
		}
	}
	if err != nil {
		return nil, err
	}
	conn, err := nft.Dial()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	tables, err := conn.All()
	if err != nil {
		return nil, err
	}
	config, err := firewall.Chains(tables, conn)
	if err == nil && named && hasNumberAsName(config) {
		return nil, errors.New("a list has the number of a device, which lvsmark does not know: write the device's name")
	}
	return config, err
}

// run loads the text with nft.
func run(nftPath, text string, options []string) error {
	command := exec.Command(nftPath, append(options, "-f", "-")...)
	command.Stdin = strings.NewReader(text)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	if err := command.Run(); err != nil {
		reason := firstLine(stderr.String(), err)
		if strings.Contains(reason, isForeign) {
			reason += "; " + giveSave
		}
		return fmt.Errorf("nft refuses it: %s", reason)
	}
	return nil
}

func firstLine(stderr string, err error) string {
	line, _, _ := strings.Cut(stderr, "\n")
	if line == "" {
		line = err.Error()
	}
	return printable.Line(line)
}
