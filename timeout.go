package lvsmark

import (
	"fmt"
	"strconv"
	"time"

	"github.com/lvsmark/lvsmark/config"
)

// readTimeout returns an IPVS timeout in seconds. Its error is as of ipvs.Open.
func (k *netnsKernel) readTimeout(name string) (string, error) {
	if err := k.OpenIPVS(); err != nil {
		return "", err
	}
	timeouts, err := k.ipvs.Timeouts()
	if err != nil {
		return "", err
	}
	return strconv.FormatInt(int64(*timeout(&timeouts, name)/time.Second), 10), nil
}

func (k *netnsKernel) writeTimeout(name, value string) error {
	seconds, err := strconv.ParseUint(value, 10, 31)
	if err != nil || seconds == 0 {
		return fmt.Errorf("set %s: %q is no number of seconds from 1", name, value)
	}
	if err := k.OpenIPVS(); err != nil {
		return err
	}
	var timeouts config.Timeouts
	*timeout(&timeouts, name) = time.Duration(seconds) * time.Second
	return k.ipvs.SetTimeouts(timeouts)
}

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
