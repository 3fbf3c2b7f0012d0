package controlplane

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lvsmark/lvsmark"
	"github.com/lvsmark/lvsmark/integration/bench/measure"
	"github.com/lvsmark/lvsmark/integration/bench/process"
	"github.com/lvsmark/lvsmark/nft"
)

// A growth is a site, and the same site with one more VIP.
type growth struct {
	site, grown *site
	from, to    *nft.Ruleset
	where       []string // family, table and map of the VIP
	element     string   // as nft writes it
}

// oneMore compares adding one VIP with nft add element, and with a first apply.
func (b *bench) oneMore() ([]measure.Row, error) {
	g, err := b.growth(b.sized(10_000))
	if err != nil {
		return nil, err
	}
	name := "one VIP more than " + g.site.String()
	samples, err := b.compare(name, 15,
		namedTask{"lvsmark apply", b.grows(g)},
		namedTask{"commit alone", b.commitsOne(g)},
		namedTask{"nft add element", b.addsOne(g)},
		namedTask{"the first apply", b.applies(g.grown)},
	)
	if err != nil {
		return nil, err
	}
	return []measure.Row{
		samples.Ratio(times(name+", commit", "commit alone", "nft add element", measure.AtMost(0.6))),
		samples.Ratio(times(name, "lvsmark apply", "the first apply", measure.AtMost(0.9))),
	}, nil
}

func (b *bench) growth(vips int) (*growth, error) {
	g := &growth{}
	var err error
	if g.site, err = b.site(shape{clusters: 1, vips: vips, servers: 2}); err != nil {
		return nil, err
	}
	if g.grown, err = b.site(shape{clusters: 1, vips: vips + 1, servers: 2}); err != nil {
		return nil, err
	}
	if g.from, err = rehearsed(g.site); err != nil {
		return nil, err
	}
	if g.to, err = rehearsed(g.grown); err != nil {
		return nil, err
	}
	return g, b.oneElement(g)
}

// oneElement checks that lvsmark finds exactly one difference between the site and the
// grown one: a new element.
func (b *bench) oneElement(g *growth) error {
	d, err := b.director()
	if err != nil {
		return err
	}
	if _, err := b.do("apply", g.site).Time(d.Namespace); err != nil {
		return err
	}
	printed, err := d.Run("", b.Lvsmark, "-c", g.grown.yaml, "-o", "json", "apply", "--dry-run")
	if err != nil {
		return err
	}
	var found struct{ Changes []lvsmark.Change }
	if err := json.Unmarshal([]byte(printed), &found); err != nil {
		return err
	}
	changes := found.Changes
	if len(changes) != 1 || changes[0].Op != lvsmark.Add || changes[0].Kind != "element" {
		return fmt.Errorf("one more VIP is not one element but %d changes", len(changes))
	}
	g.where, g.element = strings.Fields(strings.TrimPrefix(changes[0].Where, "map ")), changes[0].After
	return nil
}

// command returns nft's command for the element of the new VIP.
func (g *growth) command(verb string) []string {
	return slices.Concat([]string{"nft", verb, "element"}, g.where, []string{"{ " + g.element + " }"})
}

// grows runs lvsmark apply of the larger site where the smaller one is applied.
func (b *bench) grows(g *growth) func(*director) (task, error) {
	return func(d *director) (task, error) {
		_, err := b.do("apply", g.site).Time(d.Namespace)
		return g.task(d, d.times(b.do("apply", g.grown))), err
	}
}

func (b *bench) addsOne(g *growth) func(*director) (task, error) {
	return func(d *director) (task, error) {
		_, err := b.do("apply", g.site).Time(d.Namespace)
		return g.task(d, d.times(process.Command{Args: g.command("add")})), err
	}
}

func (b *bench) commitsOne(g *growth) func(*director) (task, error) {
	return func(d *director) (task, error) {
		_, err := d.commit(g.from)
		return g.task(d, func() (time.Duration, error) { return d.commit(g.to) }), err
	}
}

// task adds the VIP with run, and then deletes it again.
func (g *growth) task(d *director, run func() (time.Duration, error)) task {
	return task{run: run, after: func() error {
		if err := d.checkMarks(g.grown); err != nil {
			return err
		}
		return d.run(g.command("delete")...)
	}}
}
