package dataplane

import (
	"errors"
	"fmt"

	"github.com/lvsmark/lvsmark/integration/bench/packets"
	"github.com/lvsmark/lvsmark/integration/equivalence"
)

// A director is a network namespace in which a peer marks the packets of a site.
type director struct {
	*equivalence.Namespace
	site site
}

// consumer returns a table that drops every packet after the marks, at minimum cost.
func (s site) consumer() string {
	hook := "prerouting"
	if s.input {
		hook = "input"
	}
	return "table " + s.table() + ` consumer {
	chain drop_all {
		type filter hook ` + hook + ` priority 300; policy drop;
	}
}
`
}

// newDirector returns a director without marks.
func newDirector(s site) (*director, error) {
	n, err := equivalence.NewNamespace()
	if err != nil {
		return nil, err
	}
	d := &director{n, s}
	if err := d.Load(s.consumer()); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if s.input {
		if _, err := d.Run("", "ip", "route", "add", "local", "10.128.0.0/16", "dev", "lo"); err != nil {
			return nil, errors.Join(err, d.Close())
		}
	}
	return d, nil
}

// verify sends each packet once, and checks its mark, 0 for none.
func (d *director) verify(g *packets.Generator, want map[equivalence.Packet]uint32) error {
	o := equivalence.Observer{Name: "observer", Device: "lo", Priority: 200, Then: "drop", Size: 2 * len(want)}
	if err := d.Load(o.Text()); err != nil {
		return err
	}
	if err := d.sendAll(g, want); err != nil {
		return err
	}
	sight, err := o.Seen(d.Namespace)
	if err != nil {
		return err
	}
	for p, mark := range want {
		if got, ok := sight.Marks[p]; !ok || got != mark {
			return fmt.Errorf("%s has mark %#x, want %#x (seen: %t)", p, got, mark, ok)
		}
	}
	return d.Load("delete table ip observer\ndelete table ip6 observer\n")
}

func (d *director) sendAll(g *packets.Generator, want map[equivalence.Packet]uint32) error {
	var all []equivalence.Packet
	for p := range want {
		all = append(all, p)
	}
	l, err := packets.NewList(all, packets.FlagSYN)
	if err != nil {
		return err
	}
	return g.Send(d.Namespace, l)
}
