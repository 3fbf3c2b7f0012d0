package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/lvsmark/lvsmark/internal/manual"
)

// newMan returns the hidden verb that packages use to build man pages.
func newMan() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "write the man pages into a directory",
		Long: `Man writes a man page of section 8 for each verb, and lvsmark.yaml(5).
SOURCE_DATE_EPOCH sets their date.`,
		Hidden: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageErrorf(cmd, "man needs one directory")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return writeMan(cmd.Root(), args[0])
		},
	}
}

func writeMan(root *cobra.Command, dir string) error {
	date, err := manDate()
	if err != nil {
		return err
	}
	header := &doc.GenManHeader{Section: "8", Manual: "System Administration", Source: "lvsmark", Date: &date}
	if err := doc.GenManTree(root, header, dir); err != nil {
		return err
	}
	page := filepath.Join(dir, "lvsmark.8")
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(page, withTopics(root, text), 0o644),
		os.WriteFile(filepath.Join(dir, "lvsmark.yaml.5"), manual.SpecPage(date), 0o644),
	)
}

// manDate returns SOURCE_DATE_EPOCH, or the time.
func manDate() (time.Time, error) {
	epoch := os.Getenv("SOURCE_DATE_EPOCH")
	if epoch == "" {
		return time.Now(), nil
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	return time.Unix(seconds, 0).UTC(), err
}

// withTopics adds the help topics to lvsmark(8), except that of the spec, which has a page
// of its own.
func withTopics(root *cobra.Command, page []byte) []byte {
	sections := [][2]string{{"FILES", filesOfMan}}
	for _, topic := range root.Commands() {
		if topic.IsAdditionalHelpTopicCommand() && topic.Name() != "spec" {
			title := strings.ToUpper(strings.ReplaceAll(topic.Name(), "-", " "))
			sections = append(sections, [2]string{title, topic.Long})
		}
	}
	before, seeAlso, _ := bytes.Cut(page, []byte(".SH SEE ALSO\n"))
	return slices.Concat(before, manual.Sections(sections...), []byte("\n.SH SEE ALSO\n\\fBlvsmark.yaml(5)\\fP, "), seeAlso)
}

const filesOfMan = `/etc/lvsmark/lvsmark.yaml         the spec, lvsmark.yaml(5)
/usr/share/lvsmark/lvsmark.schema.json
                                  its JSON Schema, for editors; also lvsmark schema
/usr/lib/systemd/system/lvsmark.service
                                  runs lvsmark apply at boot and after nftables.service`
