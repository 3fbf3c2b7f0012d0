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

// NewSite makes a namespace with a wire.
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

// Close gives the site up.
func (s *Site) Close() error { return errors.Join(s.wire.Close(), s.Namespace.Close()) }

// Observe sends packets, all different, through the hooks and returns what each
// observer saw of them. Unless each of them saw each packet exactly once, it is
// an error.
func (s *Site) Observe(packets []Packet, observers ...Observer) ([]Sight, error) {
	if err := s.wire.Send(packets); err != nil {
		return nil, err
	}
	sights := make([]Sight, len(observers))
	for i, o := range observers {
		var err error
		if sights[i], err = o.Seen(s.Namespace); err != nil {
			return nil, err
		}
		if err := sights[i].Exactly(packets); err != nil {
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

// List is what `nft list ruleset` prints.
func (n *Namespace) List() (string, error) { return n.Run("", "nft", "list", "ruleset") }

// Snapshot reads lvsmark's tables.
func (n *Namespace) Snapshot() (snapshot *nft.Snapshot, err error) {
	err = n.withConn(func(conn *nft.Conn) error {
		snapshot, err = conn.Snapshot()
		return err
	})
	return snapshot, err
}

// Commit makes lvsmark's tables those of the spec, without the rest of apply.
func (n *Namespace) Commit(spec *config.Spec) error {
	next, err := nft.Rehearse(nft.Compile(spec))
	if err != nil {
		return err
	}
	return n.CommitRuleset(next)
}

// CommitRuleset makes lvsmark's tables those of the ruleset, which must be in
// the kernel's form, and proves that nothing is left to do.
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
			return fmt.Errorf("after the commit there is still a difference: %+v", left.Changes())
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
