package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lvsmark/lvsmark/internal/manual"
)

// newMan returns the hidden verb that packages use to build man pages.
func newMan() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "write the man pages into a directory",
		Long: `Man writes a man page of section 8 for each verb, and lvsmark.yaml(5).
SOURCE_DATE_EPOCH sets their date.`,
		Hidden:            true,
		ValidArgsFunction: cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs),
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
	for _, v := range manualOf(root) {
		if err := os.WriteFile(filepath.Join(dir, v.PageName()+".8"), v.Page(date), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "lvsmark.yaml.5"), manual.SpecPage(date), 0o644)
}

// manualOf returns the pages of a command and all below it, without hidden ones and topics.
func manualOf(cmd *cobra.Command) []manual.Verb {
	v := verbOf(cmd)
	list := []manual.Verb{}
	for _, sub := range cmd.Commands() {
		switch {
		case sub.IsAdditionalHelpTopicCommand():
			v.Sections = append(v.Sections, topicSections(sub)...)
		case sub.IsAvailableCommand():
			list = append(list, manualOf(sub)...)
		}
	}
	return append([]manual.Verb{v}, list...)
}

func verbOf(cmd *cobra.Command) manual.Verb {
	v := manual.Verb{
		Name: cmd.CommandPath(), Short: cmd.Short, Synopsis: cmd.UseLine(), Long: cmd.Long, Examples: cmd.Example,
		Flags: cmd.LocalNonPersistentFlags().FlagUsages(), Global: cmd.InheritedFlags().FlagUsages(),
	}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			v.SeeAlso = append(v.SeeAlso, strings.ReplaceAll(sub.CommandPath(), " ", "-")+"(8)")
		}
	}
	if cmd.HasParent() {
		v.SeeAlso = append([]string{strings.ReplaceAll(cmd.Parent().CommandPath(), " ", "-") + "(8)"}, v.SeeAlso...)
	} else {
		v.Global = cmd.PersistentFlags().FlagUsages()
		v.Sections = [][2]string{{"FILES", filesOfMan}}
	}
	v.SeeAlso = append(v.SeeAlso, "lvsmark.yaml(5)")
	return v
}

// topicSections returns the section of a help topic; none for that of the spec, which has a
// page of its own.
func topicSections(topic *cobra.Command) [][2]string {
	if topic.Name() == "spec" {
		return nil
	}
	return [][2]string{{strings.ToUpper(strings.ReplaceAll(topic.Name(), "-", " ")), topic.Long}}
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

const filesOfMan = `/etc/lvsmark/lvsmark.yaml         the spec, lvsmark.yaml(5)
/usr/share/lvsmark/lvsmark.schema.json
                                  its JSON Schema, for editors; also lvsmark schema
/usr/lib/systemd/system/lvsmark.service
                                  runs lvsmark apply at boot and after nftables.service`
