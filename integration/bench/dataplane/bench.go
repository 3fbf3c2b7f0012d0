package dataplane

import (
	"errors"
	"fmt"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/bench/measure"
	"github.com/lvsmark/lvsmark/integration/bench/packets"
)

// Run measures the section. It needs root, Linux 5.18, nft, ipset, iptables and
// tc's BPF.
func Run(opts measure.Options) (rows []measure.Row, err error) {
	b := &bench{opts: opts, bases: map[site]*director{}, directors: map[place]*director{}}
	defer func() { err = errors.Join(err, b.close()) }()
	comparisons := sizesOf(opts).comparisons()
	if err := b.open(comparisons); err != nil {
		return nil, err
	}
	rounds := opts.RoundsOr(48)
	opts.Log("data plane: %d rounds of %d measures", rounds, len(b.contenders))
	samples, err := measure.Interleave(rounds, b.contenders...)
	if err != nil {
		return nil, err
	}
	for _, c := range comparisons {
		rows = append(rows, c.row(samples))
	}
	return rows, nil
}

// A bench has the generator and the directors of a measurement.
type bench struct {
	opts       measure.Options
	generator  *packets.Generator
	bases      map[site]*director // without marks; by family and hook
	directors  map[place]*director
	contenders []measure.Contender
}

// A place identifies a director.
type place struct {
	peer peer
	site site
	copy int
}

// open creates everything that the comparisons need.
func (b *bench) open(comparisons []comparison) (err error) {
	if b.generator, err = packets.New(!b.opts.Smoke); err != nil {
		return err
	}
	for _, s := range []site{{family: config.IPv4}, {family: config.IPv4, input: true}, {family: config.IPv6}} {
		if b.bases[s], err = newDirector(s); err != nil {
			return err
		}
	}
	seen := map[cell]bool{}
	for _, comparison := range comparisons {
		for _, c := range []cell{comparison.of, comparison.to} {
			if seen[c] {
				continue
			}
			seen[c] = true
			if err := b.add(c); err != nil {
				return fmt.Errorf("%s: %w", c, err)
			}
		}
	}
	return nil
}

// add prepares a cell for the measurement.
func (b *bench) add(c cell) error {
	list, err := c.list()
	if err != nil {
		return err
	}
	m := &measured{generator: b.generator, base: b.bases[site{family: c.site.family, input: c.site.input}], list: list}
	for i := range c.copies() {
		d, err := b.director(place{c.peer, c.site, i})
		if err != nil {
			return err
		}
		m.directors = append(m.directors, d)
	}
	b.contenders = append(b.contenders, measure.Contender{Name: c.String(), Run: m.overhead})
	return m.ready()
}

// director returns the director where a peer marks the packets of a site. It checks the
// marks of a new one.
func (b *bench) director(at place) (*director, error) {
	if d := b.directors[at]; d != nil {
		return d, nil
	}
	b.opts.Log("data plane: %s, %s", at.peer, at.site)
	d, err := newDirector(at.site)
	if err != nil {
		return nil, err
	}
	b.directors[at] = d
	if err := at.peer.prepare(d, b.opts.Lvsmark); err != nil {
		return nil, err
	}
	if err := d.verify(b.generator, at.peer.want(at.site)); err != nil {
		return nil, fmt.Errorf("verification: %w", err)
	}
	return d, nil
}

func (b *bench) close() error {
	var errs []error
	for _, d := range b.directors {
		errs = append(errs, d.Close())
	}
	for _, d := range b.bases {
		if d != nil {
			errs = append(errs, d.Close())
		}
	}
	if b.generator != nil {
		errs = append(errs, b.generator.Close())
	}
	return errors.Join(errs...)
}
