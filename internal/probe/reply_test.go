package probe

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParsePASV(t *testing.T) {
	for message, want := range map[string]string{
		"Entering Passive Mode (198,51,100,21,39,16).": "198.51.100.21:10000",
		"Entering Passive Mode 198,51,100,21,39,16":    "198.51.100.21:10000",
		"=198,51,100,21,0,21":                          "198.51.100.21:21",
		"2 modes: (0,0,0,0,255,255)":                   "0.0.0.0:65535",
		"1,2 then 1,2,3,4,5,6":                         "1.2.3.4:1286",
	} {
		got, ok := parsePASV(message)
		require.True(t, ok, message)
		assert.Equal(t, netip.MustParseAddrPort(want), got, message)
	}
	for _, message := range []string{"", "Entering Passive Mode", "(1,2,3,4,5)", "(256,1,1,1,1,1)", "(1,2,3,4,5,)", "(1,2,3,4,5,256)", "(1, 2,3,4,5,6)", "(-1,2,3,4,5,-6)"} {
		got, ok := parsePASV(message)
		assert.False(t, ok, "%s: %s", message, got)
	}
}

func TestParseEPSV(t *testing.T) {
	for message, want := range map[string]uint16{
		"Entering Extended Passive Mode (|||10000|)":  10000,
		"Entering Extended Passive Mode (!!!65535!).": 65535,
		"(|||1|)": 1,
	} {
		got, ok := parseEPSV(message)
		require.True(t, ok, message)
		assert.Equal(t, want, got, message)
	}
	for _, message := range []string{"", "(", "(|||", "(|||)", "(||||)", "(|||0|)", "(|||65536|)", "(|||+10|)", "(|||10)", "(||10|)", "(1110001)", "(   10 )", "(|1|198.51.100.21|10|)"} {
		got, ok := parseEPSV(message)
		assert.False(t, ok, "%s: %d", message, got)
	}
}

// FuzzReply: no server makes the client use more memory than one reply, and what is parsed is
// a valid endpoint.
func FuzzReply(f *testing.F) {
	f.Add("220 ready\r\n")
	f.Add("227-many\r\n lines\r\n227 Entering Passive Mode (198,51,100,21,39,16).\r\n")
	f.Add("229 Entering Extended Passive Mode (|||10000|)\r\n")
	f.Add("\x00\xff\r\n")
	f.Add(strings.Repeat("220-x\r\n", 10))
	f.Fuzz(func(t *testing.T, text string) {
		client, server := net.Pipe()
		defer client.Close()
		go func() {
			_, _ = server.Write([]byte(text))
			server.Close()
		}()
		r, err := newControl(client).read()
		if err != nil {
			return
		}
		require.LessOrEqual(t, len(r.message), maxReply)
		require.LessOrEqual(t, len(clip(r.message)), maxText+len("…"))
		if port, ok := parseEPSV(r.message); ok {
			require.NotZero(t, port)
		}
		if at, ok := parsePASV(r.message); ok {
			require.True(t, at.IsValid() && at.Addr().Is4())
		}
	})
}

func TestLongReply(t *testing.T) {
	for _, line := range []string{"220-more\r\n", "2"} {
		client, server := net.Pipe()
		go func() {
			for {
				if _, err := server.Write([]byte(strings.Repeat(line, 1000))); err != nil {
					return
				}
			}
		}()
		_, err := newControl(client).read()
		assert.True(t, errors.Is(err, errLongReply), "%v", err)
		client.Close()
	}
}

// TestReply has the forms of replies (RFC 959, 4.2).
func TestReply(t *testing.T) {
	for text, want := range map[string]reply{
		"220 ready\r\n": {code: 220, message: "ready"},
		"220\r\n":       {code: 220, message: ""},
		"599 last\n":    {code: 599, message: "last"},
		"100 first\r\n": {code: 100, message: "first"},
		"220-a\r\n220-b\r\n221 c\r\n220 d\r\nnext":     {code: 220, message: "a\n220-b\n221 c\nd"},
		"211-Features:\r\n EPSV\r\n211\r\n211 End\r\n": {code: 211, message: "Features:\n EPSV\n211\nEnd"},
	} {
		got, err := readReply(t, text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for text, want := range map[string]string{
		"":               "the server closed the control connection",
		"220-a\r\n":      "the server closed the control connection",
		"22\r\n":         "not a reply of FTP: 22",
		"\r\n":           "not a reply of FTP: an empty line",
		"099 low\r\n":    "not a reply of FTP: 099 low",
		"600 high\r\n":   "not a reply of FTP: 600 high",
		"2200 long\r\n":  "not a reply of FTP: 2200 long",
		"+OK POP3\r\n":   "not a reply of FTP: +OK POP3",
		"SSH-2.0-x\r\n":  "not a reply of FTP: SSH-2.0-x",
		" 220 ready\r\n": "not a reply of FTP:  220 ready",
		"+20 ready\r\n":  "not a reply of FTP: +20 ready",
	} {
		_, err := readReply(t, text)
		assert.EqualError(t, err, want, text)
	}
}

func readReply(t *testing.T, text string) (reply, error) {
	client, server := net.Pipe()
	t.Cleanup(func() { client.Close() })
	go func() {
		_, _ = server.Write([]byte(text))
		server.Close()
	}()
	return newControl(client).read()
}

func TestClip(t *testing.T) {
	assert.Equal(t, "one", clip("one\ntwo"))
	assert.Equal(t, strings.Repeat("x", maxText), clip(strings.Repeat("x", maxText)))
	assert.Equal(t, strings.Repeat("x", maxText)+"…", clip(strings.Repeat("x", maxText+1)))
}

// TestSecret: the text of a reply never has the password, also if only a part of it would fit.
func TestSecret(t *testing.T) {
	r := reply{500, "'PASS a secret': unknown", "a secret"}
	assert.Equal(t, "500 'PASS [password]': unknown", r.String())
	r.message = strings.Repeat("x", maxText-4) + "a secret"
	assert.NotContains(t, r.String(), "a s")
	assert.Equal(t, "500 a secret", reply{code: 500, message: "a secret"}.String())
}
