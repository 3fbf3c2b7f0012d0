package ipvs

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lvsmark/lvsmark/config"
)

// ReadSetting returns the value that a setting has in the calling thread's
// network namespace, with white space as EqualValues has it. The error of a
// sysctl that is not there wraps fs.ErrNotExist and names what would bring it;
// that of a timeout is as of Open.
func ReadSetting(name string) (string, error) {
	if !isTimeout(name) {
		return readSysctl(name)
	}
	conn, err := Open()
	if err != nil {
		return "", err
	}
	defer conn.Close()
	timeouts, err := conn.Timeouts()
	if err != nil {
		return "", err
	}
	return strconv.FormatInt(int64(*timeout(&timeouts, name)/time.Second), 10), nil
}

// WriteSetting sets a value in the calling thread's network namespace. It is an
// error if the kernel then holds another one: each apply would write it again.
func WriteSetting(name, value string) error {
	if !isTimeout(name) {
		return writeSysctl(name, value)
	}
	seconds, err := strconv.ParseUint(value, 10, 31)
	if err != nil || seconds == 0 {
		return fmt.Errorf("set %s: %q is no number of seconds from 1", name, value)
	}
	conn, err := Open()
	if err != nil {
		return err
	}
	defer conn.Close()
	var timeouts config.Timeouts
	*timeout(&timeouts, name) = time.Duration(seconds) * time.Second
	return conn.SetTimeouts(timeouts)
}

// EqualValues reports whether two values of a setting are the same: sysctls
// with several numbers print tabs where people write blanks.
func EqualValues(a, b string) bool { return normal(a) == normal(b) }

func normal(value string) string { return strings.Join(strings.Fields(value), " ") }

func isTimeout(name string) bool { return timeout(new(config.Timeouts), name) != nil }

// timeout returns where the timeout of that name is; nil: there is none.
func timeout(timeouts *config.Timeouts, name string) *time.Duration {
	switch name {
	case config.TimeoutTCP:
		return &timeouts.TCP
	case config.TimeoutTCPFin:
		return &timeouts.TCPFin
	case config.TimeoutUDP:
		return &timeouts.UDP
	}
	return nil
}
