package shell_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/importer/shell"
)

// TestExit: each script has a rule in its last line. "read" is whether lvsmark reads that line,
// and lines are those that it does not understand.
func TestExit(t *testing.T) {
	const rule = "iptables -t mangle -A PREROUTING -j MARK --set-mark 1"
	for script, want := range map[string]struct {
		read  bool
		lines string
	}{
		"exit":                                           {false, ""},
		"true && exit":                                   {false, ""},
		"false || exit 1":                                {false, ""},
		"! false && exit 1":                              {false, ""},
		"exec iptables -t mangle -F":                     {false, ""},
		"return":                                         {true, "1"},
		"[ -f /etc/off ] && exit 0":                      {true, "1"},
		"test -x /sbin/ipvsadm || exit":                  {true, "1"},
		"command -v iptables >/dev/null || exit":         {true, "1"},
		"[ -f /etc/off ] && ! exit 0":                    {true, "1"},
		"[ -f /etc/off ] && echo off && exit":            {true, "1"},
		"[ -f /a ] && echo a || exit\n# b":               {true, "1"},
		"[ -f /a ] && return":                            {true, "1"},
		"if [ -f /a ]; then\nexit 1\nfi":                 {true, "2"},
		"if [ -f /a ]; then echo; fi || exit":            {true, "1"},
		"case \"$1\" in\nstop) exit ;;\nesac":            {true, "2"},
		"[ -f /a ] || { echo none; exit 1; }":            {true, "1"},
		": ${VIP:?the VIP}":                              {true, "1"},
		"echo \"${2?none}\"":                             {true, "1"},
		"echo ${VIP:-?}":                                 {true, ""},
		"modprobe ip_vs || exit 1":                       {true, ""},
		"modprobe ip_vs || { echo no; exit 1; }":         {true, ""},
		"modprobe ip_vs || {\necho no\nexit 1\n}":        {true, ""},
		rule + " || exit 1":                              {true, ""},
		rule + " || { iptables -F; } && echo a":          {true, ""},
		"ipset create a hash:ip || exit 1":               {true, ""},
		"(exit 1)":                                       {true, ""},
		"usage() { echo usage; exit 1; }":                {true, ""},
		"function usage {\nreturn\n}":                    {true, ""},
		"echo a | exit 1":                                {true, ""},
		"+ exit 0":                                       {true, ""},
		"set -e\n[ -f /a ]":                              {true, "2"},
		"set -e\nif grep -q a /a; then :; fi":            {true, ""},
		"set -e\nif :; then\ngrep -q a /a; fi":           {true, "3"},
		"set -e\nA=$(cat /a)":                            {true, "2"},
		"set -e\nA=$((1 + 2))":                           {true, ""},
		"set -e\n[ -f /a ] || echo":                      {true, ""},
		"[ -f /a ] || { iptables -F; }":                  {true, "1"},
		"[ -f /a ] && ! iptables -F":                     {true, "1"},
		"[ -f /a ] && echo a && iptables -F":             {true, "1"},
		"[ -f /a ] || false || iptables -F":              {true, "1"},
		"[ -f /a ] || true && :":                         {true, ""},
		"if [ -f /a ]; then :; fi && iptables -F":        {true, "1"},
		"modprobe() { :; }":                              {true, "1"},
		"function iptables { :; }":                       {true, "1"},
		"[ -f /a ] && sysctl -w net.ipv4.vs.conntrack=1": {true, "1"},
		"if [ -f /a ]; then\necho 1 > /proc/sys/net/ipv4/vs/conntrack\nfi": {true, "2"},
		"[ -f /a ] && sysctl -w net.ipv4.ip_forward=1":                     {true, ""},
	} {
		c, err := shell.Read("f", script+"\n"+rule+"\n")
		require.NoError(t, err)
		last := strings.Count(script, "\n") + 2
		read := false
		for _, chain := range c.Chains {
			for _, r := range chain.Rules {
				read = read || r.Number == last
			}
		}
		var lines []string
		for _, r := range c.NotUnderstood {
			lines = append(lines, fmt.Sprint(r.Number))
		}
		assert.Equal(t, want.read, read, script)
		assert.Equal(t, want.lines, strings.Join(lines, " "), script)
	}
}

// TestExitAtEnd: a possible end matters only if commands follow that lvsmark compares.
func TestExitAtEnd(t *testing.T) {
	c, err := shell.Read("f", "iptables -t mangle -A PREROUTING -j MARK --set-mark 1\n[ -f /a ] && exit 0\necho done\nexit 1\n")
	require.NoError(t, err)
	assert.Empty(t, c.NotUnderstood)
	assert.Empty(t, c.Findings)
	c, err = shell.Read("f", "exit\n\n# nothing\necho a\necho b\n")
	require.NoError(t, err)
	require.Len(t, c.Findings, 1)
	assert.Equal(t, 1, c.Findings[0].Number)
}
