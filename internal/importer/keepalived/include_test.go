package keepalived

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/need"
)

// TestIncludesAgainstKeepalived: keepalived reads the same files in the same order.
func TestIncludesAgainstKeepalived(t *testing.T) {
	need.Programs(t, "keepalived")
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.conf": "fooa\n", "b.conf": "foob\n", "B.conf": "fooB\n", "10.conf": "foo10\n", "9.conf": "foo9\n", "a-b.conf": "fooa-b\n",
		".hidden.conf": "foohidden\n", "run.conf": "foorun\n", "with space.conf": "foospace\n", "last": "foolast",
		"d/a.conf": "food/a\ninclude b.conf\ninclude ../a.conf\nfood/a2\n", "d/b.conf": "food/b\n", "e/a.conf": "fooe/a\n",
		"open": "real_server 10.0.0.1 80 {\nfooopen\n", "closed": "foo }\n",
		"define": "$A=foodefined\n$M= \\\nfoom1 \\\nfoom2\n", "unended": "$A=foo1 \\\nfoo2 \\",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "x.conf"), 0o755))
	require.NoError(t, os.Chmod(filepath.Join(dir, "run.conf"), 0o700))
	for _, text := range []string{
		"include *.conf\nfoo",
		"include\t*.conf # comment\nfoo",
		"include {b,a}.conf\nfoo",
		"include {b,none,a}.conf\nfoo",
		"include {d/,,e/}{b,a}.conf\nfoo",
		"include {d/{b,a},e/a}.conf\nfoo",
		"include ./{[\\!a],a*}.conf\nfoo",
		"include [\\!a].conf\ninclude [^a].conf\ninclude [a-b].conf\ninclude [ab].conf\ninclude ?.conf\nfoo",
		"include */a.conf\ninclude */*.conf\nfoo",
		"include .h*\ninclude with space.conf\nfoo",
		"include none*\ninclude none\nfoo",
		"includer a.conf\nincludem {a,b}.conf\nincludew [\\!x].conf\nincludeb {a,b}.conf\nincludea [ab].conf\nfoo",
		"includes a.conf\nincluded a.conf\nfoo",
		"include open\ninclude closed\nfoo",
		"include define\nfoo\n$A\n$M\nfooend",
		"$D=d\ninclude ${D}/a.conf\n$D=e\ninclude ${D}/a.conf\nfoo",
		"include last\ninclude last\nfoo",
		"include unended\n$A\nfoo",
		"include " + dir + "/{d,e}/a.conf\nfoo",
	} {
		assert.True(t, sameFile(t, filepath.Join(dir, "keepalived"), "virtual_server fwmark 1 {\n"+text+"\n}\n"), text)
	}
}
