package main

import (
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"

	"github.com/lvsmark/lvsmark/integration/equivalence"
)

// A stage is a director and a client with a wire between them, each in a network
// namespace without a name, which ends with this process at the latest.
type stage struct {
	director, client *equivalence.Namespace
	address          net.HardwareAddr // of the director's device
}

// device is the name of the wire's end in both.
const device = "wire"

func newStage() (*stage, error) {
	s := &stage{}
	var err error
	if s.director, err = equivalence.NewNamespace(); err != nil {
		return nil, err
	}
	if s.client, err = equivalence.NewNamespace(); err != nil {
		return nil, errors.Join(err, s.director.Close())
	}
	if err := s.wire(); err != nil {
		return nil, errors.Join(fmt.Errorf("a wire between two namespaces: %w", err), s.close())
	}
	return s, nil
}

func (s *stage) close() error { return errors.Join(s.client.Close(), s.director.Close()) }

func (s *stage) wire() error {
	if _, err := s.client.Run("", "ip", "link", "add", device, "type", "veth", "peer", "name", device, "netns", s.director.Path()); err != nil {
		return err
	}
	// Nobody sends but the sender: no address is resolved.
	for _, n := range []*equivalence.Namespace{s.client, s.director} {
		if _, err := n.Run("", "ip", "link", "set", device, "addrgenmode", "none", "multicast", "off"); err != nil {
			return err
		}
	}
	if err := s.client.Do(func() error { _, err := up(); return err }); err != nil {
		return err
	}
	return s.director.Do(func() (err error) {
		s.address, err = up()
		return err
	})
}

func up() (net.HardwareAddr, error) {
	link, err := netlink.LinkByName(device)
	if err != nil {
		return nil, err
	}
	return link.Attrs().HardwareAddr, netlink.LinkSetUp(link)
}
