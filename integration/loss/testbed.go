package main

import (
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"

	"github.com/lvsmark/lvsmark/integration/equivalence"
)

// A testbed is a director and a client, connected by a veth pair, each in an unnamed
// network namespace that ends with this process.
type testbed struct {
	director, client *equivalence.Namespace
	address          net.HardwareAddr // of the director's device
}

// device is the name of the veth device in both namespaces.
const device = "wire"

func newTestbed() (*testbed, error) {
	s := &testbed{}
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

func (s *testbed) close() error { return errors.Join(s.client.Close(), s.director.Close()) }

func (s *testbed) wire() error {
	if _, err := s.client.Run("", "ip", "link", "add", device, "type", "veth", "peer", "name", device, "netns", s.director.Path()); err != nil {
		return err
	}
	// Only the sender sends: no address autoconfiguration and no multicast.
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
