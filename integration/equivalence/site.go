package equivalence

import (
	"errors"
	"fmt"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/nft"
)

// A Site is a namespace with a wire.
type Site struct {
	*Namespace
	wire *Wire
}

// NewSite creates a namespace with a wire.
func NewSite() (*Site, error) {
	n, err := NewNamespace()
	if err != nil {
		return nil, err
	}
	w, err := NewWire(n)
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return &Site{n, w}, nil
}

// Close closes the wire and the namespace.
func (s *Site) Close() error { return errors.Join(s.wire.Close(), s.Namespace.Close()) }

// Observe sends packets, all different, and returns the record of each observer. It
// returns an error unless each observer saw each packet exactly once.
func (s *Site) Observe(packets []Packet, observers ...Observer) ([]Observation, error) {
	if err := s.wire.Send(packets); err != nil {
		return nil, err
	}
	sights := make([]Observation, len(observers))
	for i, o := range observers {
		var err error
		if sights[i], err = o.Seen(s.Namespace); err != nil {
			return nil, err
		}
		if err := sights[i].CheckExactly(packets); err != nil {
			return nil, fmt.Errorf("observer %s: %w", o.Name, err)
		}
	}
	return sights, nil
}

// Load loads text with `nft -f`.
func (n *Namespace) Load(text string) error {
	if _, err := n.Run(text, "nft", "-f", "-"); err != nil {
		return fmt.Errorf("%w\n%s", err, text)
	}
	return nil
}

// List returns the output of `nft list ruleset`.
func (n *Namespace) List() (string, error) { return n.Run("", "nft", "list", "ruleset") }

// Snapshot reads lvsmark's tables.
func (n *Namespace) Snapshot() (snapshot *nft.Snapshot, err error) {
	err = n.withConn(func(conn *nft.Conn) error {
		snapshot, err = conn.Snapshot()
		return err
	})
	return snapshot, err
}

// Commit commits lvsmark's tables of the spec, without the rest of apply.
func (n *Namespace) Commit(spec *config.Spec) error {
	next, err := nft.Rehearse(nft.Compile(spec))
	if err != nil {
		return err
	}
	return n.CommitRuleset(next)
}

// CommitRuleset commits a ruleset of nft.Rehearse, and checks that no difference
// remains.
func (n *Namespace) CommitRuleset(next *nft.Ruleset) error {
	return n.withConn(func(conn *nft.Conn) error {
		now, err := conn.Snapshot()
		if err != nil {
			return err
		}
		if _, err := conn.Commit(nft.Compare(&now.Ruleset, next), now.Generation); err != nil {
			return err
		}
		if now, err = conn.Snapshot(); err != nil {
			return err
		}
		if left := nft.Compare(&now.Ruleset, next); !left.Empty() {
			return fmt.Errorf("difference after the commit: %+v", left.Changes())
		}
		return nil
	})
}

func (n *Namespace) withConn(f func(*nft.Conn) error) error {
	return n.Do(func() error {
		conn, err := nft.Dial()
		if err != nil {
			return err
		}
		defer conn.Close()
		return f(conn)
	})
}
