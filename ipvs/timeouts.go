package ipvs

import (
	"errors"
	"fmt"
	"time"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"

	"github.com/lvsmark/lvsmark/config"
)

// Timeouts returns the timeouts of IPVS connections in this network namespace.
func (c *Conn) Timeouts() (config.Timeouts, error) {
	messages, err := c.execute(cmdGetConfig, netlink.Request, nil)
	if err != nil {
		return config.Timeouts{}, fmt.Errorf("read IPVS timeouts: %w", err)
	}
	timeouts, err := decodeTimeouts(messages)
	if err != nil {
		return config.Timeouts{}, fmt.Errorf("decode IPVS timeouts: %w", err)
	}
	return timeouts, nil
}

// SetTimeouts sets those that are not 0, in whole seconds.
func (c *Conn) SetTimeouts(timeouts config.Timeouts) error {
	err := c.command(cmdSetConfig, func(ae *netlink.AttributeEncoder) {
		ae.Uint32(attrTimeoutTCP, uint32(timeouts.TCP/time.Second))
		ae.Uint32(attrTimeoutTCPFin, uint32(timeouts.TCPFin/time.Second))
		ae.Uint32(attrTimeoutUDP, uint32(timeouts.UDP/time.Second))
	})
	if err != nil {
		return fmt.Errorf("set IPVS timeouts: %w", err)
	}
	return nil
}

func decodeTimeouts(messages []genetlink.Message) (config.Timeouts, error) {
	var timeouts config.Timeouts
	if len(messages) != 1 {
		return timeouts, errors.New("the kernel did not answer with one message")
	}
	ad, err := netlink.NewAttributeDecoder(messages[0].Data)
	if err != nil {
		return timeouts, err
	}
	for ad.Next() {
		switch ad.Type() {
		case attrTimeoutTCP:
			timeouts.TCP = time.Duration(ad.Uint32()) * time.Second
		case attrTimeoutTCPFin:
			timeouts.TCPFin = time.Duration(ad.Uint32()) * time.Second
		case attrTimeoutUDP:
			timeouts.UDP = time.Duration(ad.Uint32()) * time.Second
		}
	}
	return timeouts, ad.Err()
}
