package ipvs

import (
	"fmt"

	"github.com/lvsmark/lvsmark/config"
)

// Timeouts returns the timeouts of IPVS connections in this network namespace.
func (c *Conn) Timeouts() (timeouts config.Timeouts, err error) {
	for attributes, err := range c.query(cmdGetConfig, 0, nil) {
		if err == nil {
			timeouts, err = decodeTimeouts(attributes)
		}
		if err != nil {
			return timeouts, fmt.Errorf("read IPVS timeouts: %w", err)
		}
	}
	return timeouts, nil
}

// SetTimeouts sets the timeouts that are not 0, in whole seconds.
func (c *Conn) SetTimeouts(timeouts config.Timeouts) error {
	request := c.request(cmdSetConfig, 0, appendTimeouts(nil, timeouts))
	if err := c.execute(request)[0]; err != nil {
		return fmt.Errorf("set IPVS timeouts: %w", err)
	}
	return nil
}
