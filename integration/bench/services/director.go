package services

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lvsmark/lvsmark/integration/equivalence"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// A director is a network namespace in the state after boot.
type director struct{ *equivalence.Namespace }

func newDirector() (*director, error) {
	n, err := equivalence.NewNamespace()
	if err != nil {
		return nil, err
	}
	// Without an address, IPVS accepts no real server.
	if _, err := n.Run("", "ip", "link", "set", "lo", "up"); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return &director{n}, nil
}

// settleTime is the wait after a deletion. The kernel frees memory after the call has
// returned, which would disturb the next measurement.
const settleTime = time.Second

// clear deletes all services and the director.
func (d *director) clear(wait bool) error {
	_, cleared := d.Run("", "ipvsadm", "-C")
	err := errors.Join(cleared, d.Close())
	if wait {
		time.Sleep(settleTime)
	}
	return err
}

// checkServices checks with ipvsadm that IPVS has exactly the services of the site.
func (d *director) checkServices(s *site) error {
	text, err := d.Run("", "ipvsadm", "-Sn")
	if err != nil {
		return err
	}
	if listed, want := sorted(text), sorted(ipvs.Text(s.want)); !slices.Equal(listed, want) {
		return fmt.Errorf("ipvsadm lists %d services and real servers, which are not the %d of the spec", len(listed), len(want))
	}
	return nil
}

func sorted(text string) []string { return slices.Sorted(strings.Lines(text)) }

// ipvs calls f with a connection to the director's IPVS.
func (d *director) ipvs(f func(*ipvs.Conn) error) error {
	return d.Do(func() error {
		conn, err := ipvs.Open()
		if err != nil {
			return err
		}
		return errors.Join(f(conn), conn.Close())
	})
}

// A state shows whether a command wrote to nftables or IPVS.
type state struct {
	generation uint32 // of the ruleset of nftables
	ipvs       string
}

func (d *director) state() (s state, err error) {
	err = d.ipvs(func(conn *ipvs.Conn) (err error) {
		s.ipvs, err = conn.Digest()
		return err
	})
	return s, errors.Join(err, d.Do(func() error {
		conn, err := nft.Dial()
		if err != nil {
			return err
		}
		s.generation, err = conn.Generation()
		return errors.Join(err, conn.Close())
	}))
}
