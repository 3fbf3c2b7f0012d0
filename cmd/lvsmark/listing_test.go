package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark"
	"github.com/lvsmark/lvsmark/internal/impact"
)

var mixed = []lvsmark.Change{
	{Op: lvsmark.Edit, Kind: "setting", Before: "net.ipv4.ip_forward = 0", After: "net.ipv4.ip_forward = 1", Impact: impact.Impact{Effect: impact.Safe}},
	{Op: lvsmark.Add, Kind: "real-server", Where: "service fwmark 21 IPv4", After: "10.0.0.12 nat weight 1", Impact: impact.Impact{Effect: impact.Safe, Detail: "idle"}},
	{Op: lvsmark.Add, Kind: "chain", Where: "table ip lvsmark", After: "prerouting {\n\ttype filter\n}", Impact: impact.Impact{Effect: impact.Drains, Detail: "one"}},
	{Op: lvsmark.Delete, Kind: "real-server", Where: "service fwmark 21 IPv4", Before: "10.0.0.11 nat weight 1", Impact: impact.Impact{
		Effect: impact.Cuts, Connections: 12, Cluster: "ftp", Server: "rs1", Detail: "12 active",
	}},
}

func TestListing(t *testing.T) {
	assert.Equal(t, `kernel
  ~ setting net.ipv4.ip_forward = 0 -> net.ipv4.ip_forward = 1
service fwmark 21 IPv4
  + real-server 10.0.0.12 nat weight 1
    # safe: idle
  - real-server 10.0.0.11 nat weight 1
    # cuts 12 connections of ftp with rs1: 12 active
table ip lvsmark
  + chain prerouting {
    	type filter
    }
    # drains: one

`, listing(mixed, palette{}))
}

func TestListingColours(t *testing.T) {
	text := listing(mixed, palette{colours: true})
	assert.Contains(t, text, "\x1b[1mkernel\x1b[0m\n")
	assert.Contains(t, text, "\x1b[33m~ setting net.ipv4.ip_forward = 0 -> net.ipv4.ip_forward = 1\x1b[0m\n")
	assert.Contains(t, text, "\x1b[32m+ real-server 10.0.0.12 nat weight 1\x1b[0m\n")
	assert.Contains(t, text, "\x1b[31m- real-server 10.0.0.11 nat weight 1\x1b[0m\n")
	assert.Contains(t, text, "    # \x1b[1m\x1b[31mcuts 12 connections of ftp with rs1: 12 active\x1b[0m\n")
	assert.Contains(t, text, "    # \x1b[33mdrains: one\x1b[0m\n")
	assert.Contains(t, text, "    # safe: idle\n")
}

func TestListingIsComplete(t *testing.T) {
	const n = 10_000
	changes := make([]lvsmark.Change, n)
	for i := range changes {
		changes[i] = lvsmark.Change{Op: lvsmark.Add, Kind: "element", Where: "map ip lvsmark tcp_21", After: fmt.Sprint("element ", i), Impact: impact.Impact{Effect: impact.Safe}}
	}
	text := listing(changes, palette{})
	assert.Equal(t, n, strings.Count(text, "\n  + "))
	assert.Equal(t, 1, strings.Count(text, "map ip lvsmark tcp_21"))
}

func TestSummaryLine(t *testing.T) {
	for end, want := range map[summaryLine][2]string{
		pending:    {"no difference", "2 to add, 1 to change, 1 to delete; drains 1, cuts 12 connections (ftp: rs1 12)"},
		dryRunDone: {"dry run: nothing to do", "dry run: 2 to add, 1 to change, 1 to delete; drains 1, cuts 12 connections (ftp: rs1 12)"},
		applied:    {"nothing to do", "applied: 2 added, 1 changed, 1 deleted; drains 1, cuts 12 connections (ftp: rs1 12)"},
		deleted:    {"nothing to do", "deleted: 2 added, 1 changed, 1 deleted; drains 1, cuts 12 connections (ftp: rs1 12)"},
	} {
		assert.Equal(t, want[0], end.line(nil))
		assert.Equal(t, want[1], end.line(mixed))
	}
}

// changed is a changeSet without a kernel.
type changed struct {
	changes         []lvsmark.Change
	notes, warnings []string
}

func (c changed) Changes() []lvsmark.Change { return c.changes }
func (c changed) Notes() []string           { return c.notes }
func (c changed) Warnings() []string        { return c.warnings }

func TestPrintChangesSeparatesNotes(t *testing.T) {
	result := changed{notes: []string{"table ip other marks the same packets"}, warnings: []string{"chain c drops"}}

	var out, err bytes.Buffer
	require.NoError(t, streams{out: &out, err: &err}.printChanges(formatText, result, pending))
	assert.Equal(t, "no difference\n", out.String())
	assert.Equal(t, "lvsmark: note: table ip other marks the same packets\nlvsmark: warning: chain c drops\n", err.String())

	out.Reset()
	err.Reset()
	require.NoError(t, streams{out: &out, err: &err}.printChanges(formatJSON, result, pending))
	assert.JSONEq(t, `{"version":1,"changes":[],"notes":["table ip other marks the same packets"],"warnings":["chain c drops"],"changed":false}`, out.String())
	assert.Empty(t, err.String())

	out.Reset()
	result = changed{changes: mixed[:1]}
	require.NoError(t, streams{out: &out, err: &err}.printChanges(formatJSON, result, pending))
	assert.JSONEq(t, `{"version":1,"changes":[{"op":"edit","kind":"setting","where":"",
		"before":"net.ipv4.ip_forward = 0","after":"net.ipv4.ip_forward = 1","impact":{"effect":"safe"}}],"notes":[],"warnings":[],"changed":true}`, out.String())
}
