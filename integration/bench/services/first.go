package services

import (
	"errors"
	"time"

	moby "github.com/moby/ipvs"

	"github.com/lvsmark/lvsmark/integration/bench/measure"
	"github.com/lvsmark/lvsmark/integration/bench/process"
	"github.com/lvsmark/lvsmark/integration/mobyipvs"
	"github.com/lvsmark/lvsmark/ipvs"
)

// firstApply compares the first apply, marks included, with programs that load the same
// services.
func (b *bench) firstApply() ([]measure.Row, error) {
	b.Log("first apply of %s", b)
	samples, err := measure.Interleave(b.RoundsOr(7),
		b.first("lvsmark apply", timeOf(b.do("apply"))),
		b.first("ipvsadm -R", timeOf(process.Command{Args: []string{"ipvsadm", "-R"}, Stdin: b.restored})),
		b.first("changes alone", b.changes),
		b.first("moby/ipvs", b.changesByMoby),
	)
	if err != nil {
		return nil, err
	}
	return []measure.Row{
		samples.Ratio(b.row("first apply", "lvsmark apply", "ipvsadm -R", measure.AtMost(1))),
		samples.Ratio(b.row("first apply, changes", "changes alone", "ipvsadm -R", measure.Bar{})),
		samples.Ratio(b.row("first apply, by moby/ipvs", "changes alone", "moby/ipvs", measure.Bar{})),
	}, nil
}

// first creates a new director for each round: IPVS keeps deleted real servers for a
// while, and searches them for each real server that it adds.
func (b *bench) first(name string, run func(*director) (time.Duration, error)) measure.Contender {
	return measure.Contender{Name: name, Run: func() (float64, error) {
		d, err := newDirector()
		if err != nil {
			return 0, err
		}
		took, err := run(d)
		if err == nil {
			err = d.checkServices(b.site)
		}
		return milliseconds(took), errors.Join(err, d.clear(!b.Smoke))
	}}
}

func timeOf(c process.Command) func(*director) (time.Duration, error) {
	return func(d *director) (time.Duration, error) { return c.Time(d.Namespace) }
}

// changes times the IPVS changes alone, in this process.
func (b *bench) changes(d *director) (took time.Duration, err error) {
	changes := ipvs.Diff(nil, b.want)
	err = d.ipvs(func(conn *ipvs.Conn) error {
		begin := time.Now()
		answers := conn.Apply(changes...)
		took = time.Since(begin)
		return errors.Join(answers...)
	})
	return took, err
}

// changesByMoby creates the same services with moby/ipvs, which waits for the reply to
// each request.
func (b *bench) changesByMoby(d *director) (took time.Duration, err error) {
	err = d.Do(func() error {
		handle, err := moby.New("")
		if err != nil {
			return err
		}
		defer handle.Close()
		begin := time.Now()
		for _, want := range b.want {
			service := mobyipvs.Service(want.Service)
			if err := handle.NewService(service); err != nil {
				return err
			}
			for _, destination := range want.Destinations {
				if err := handle.NewDestination(service, mobyipvs.Destination(destination)); err != nil {
					return err
				}
			}
		}
		took = time.Since(begin)
		return nil
	})
	return took, err
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1e3 }
