package ipvs

import (
	"errors"
	"fmt"
	"time"

	"github.com/lvsmark/lvsmark/config"
)

// Timeouts returns the timeouts of IPVS connections in this network namespace.
func (c *Conn) Timeouts() (config.Timeouts, error) {
	var timeouts config.Timeouts
	err := c.ask(cmdGetConfig, 0, nil, func(attributes []byte) (err error) {
		timeouts, err = decodeTimeouts(attributes)
		return err
	})
	if err != nil {
		return timeouts, fmt.Errorf("read IPVS timeouts: %w", err)
	}
	return timeouts, nil
}

// SetTimeouts sets those that are not 0, in whole seconds.
func (c *Conn) SetTimeouts(timeouts config.Timeouts) error {
	answers := c.tell(request{cmdSetConfig, func(b []byte) []byte {
		b = appendUint32(b, attrTimeoutTCP, uint32(timeouts.TCP/time.Second))
		b = appendUint32(b, attrTimeoutTCPFin, uint32(timeouts.TCPFin/time.Second))
		return appendUint32(b, attrTimeoutUDP, uint32(timeouts.UDP/time.Second))
	}})
	if err := errors.Join(answers...); err != nil {
		return fmt.Errorf("set IPVS timeouts: %w", err)
	}
	return nil
}

func decodeTimeouts(attributes []byte) (config.Timeouts, error) {
	var d decoder
	var timeouts config.Timeouts
	for len(attributes) > 0 {
		switch typ, data := d.next(&attributes); typ {
		case attrTimeoutTCP:
			timeouts.TCP = time.Duration(d.uint32(data)) * time.Second
		case attrTimeoutTCPFin:
			timeouts.TCPFin = time.Duration(d.uint32(data)) * time.Second
		case attrTimeoutUDP:
			timeouts.UDP = time.Duration(d.uint32(data)) * time.Second
		}
	}
	return timeouts, d.err
}
