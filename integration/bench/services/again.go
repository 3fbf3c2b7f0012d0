package services

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/lvsmark/lvsmark/integration/bench/measure"
	"github.com/lvsmark/lvsmark/integration/bench/process"
	"github.com/lvsmark/lvsmark/ipvs"
)

// nothingToDo compares apply and diff, when the kernel matches the spec, with programs
// that only list the services.
func (b *bench) nothingToDo() (rows []measure.Row, err error) {
	d, err := newDirector()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.clear(!b.Smoke)) }()
	if _, err := b.do("apply").Time(d.Namespace); err != nil {
		return nil, err
	}
	b.Log("nothing to do for %s", b)
	before, err := d.state()
	if err != nil {
		return nil, err
	}
	command := func(name string, c process.Command) measure.Contender {
		return measure.Contender{Name: name, Run: func() (float64, error) {
			took, err := c.Time(d.Namespace)
			return milliseconds(took), err
		}}
	}
	samples, err := measure.Interleave(b.RoundsOr(9),
		command("lvsmark apply", b.do("apply")),
		command("lvsmark diff", b.do("diff")),
		command("lvsmark check", b.do("check")),
		command("lvsmark status", b.do("status")),
		command("ipvsadm -Ln --stats", process.Command{Args: []string{"ipvsadm", "-Ln", "--stats"}}),
		command("ipvsadm -Sn", process.Command{Args: []string{"ipvsadm", "-Sn"}}),
		measure.Contender{Name: "list alone", Run: func() (float64, error) { return b.list(d) }},
		measure.Contender{Name: "YAML alone", Run: b.readYAML},
	)
	if err != nil {
		return nil, err
	}
	after, err := d.state()
	if err == nil && after != before {
		err = errors.New("a command wrote to the kernel although there was nothing to do")
	}
	const floor = "ipvsadm -Sn and the YAML"
	samples = samples.With(floor, "ipvsadm -Sn", "YAML alone")
	return []measure.Row{
		samples.Ratio(b.row("nothing to do", "lvsmark apply", "ipvsadm -Sn", measure.Bar{})),
		samples.Ratio(b.row("nothing to do, beside the YAML", "lvsmark apply", floor, measure.AtMost(1))),
		samples.Ratio(b.row("diff", "lvsmark diff", "ipvsadm -Sn", measure.Bar{})),
		samples.Ratio(b.row("diff, beside the YAML", "lvsmark diff", floor, measure.AtMost(1))),
		samples.Ratio(b.row("status", "lvsmark status", "ipvsadm -Ln --stats", measure.AtMost(1.5))),
		samples.Ratio(b.row("nothing to do, the spec", "lvsmark check", "ipvsadm -Sn", measure.Bar{})),
		samples.Ratio(b.row("nothing to do, the YAML", "YAML alone", "ipvsadm -Sn", measure.Bar{})),
		samples.Ratio(b.row("nothing to do, the list", "list alone", "ipvsadm -Sn", measure.Bar{})),
	}, err
}

// do returns lvsmark's verb with the spec of the site.
func (b *bench) do(verb string) process.Command {
	return process.Command{Args: []string{b.Lvsmark, "-c", b.yaml, verb}}
}

// list times the dump of the services alone, in this process.
func (b *bench) list(d *director) (took float64, err error) {
	err = d.ipvs(func(conn *ipvs.Conn) error {
		begin := time.Now()
		have, err := conn.Services()
		took = milliseconds(time.Since(begin))
		if err == nil && len(have) != b.clusters {
			err = fmt.Errorf("%d services, not %d", len(have), b.clusters)
		}
		return err
	})
	return took, err
}

// readYAML times the YAML library alone, in this process. Together with list it is a
// lower limit for lvsmark.
func (b *bench) readYAML() (float64, error) {
	text, err := os.ReadFile(b.yaml)
	if err != nil {
		return 0, err
	}
	runtime.GC() // so that garbage of earlier work is not collected in the measurement
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	begin := time.Now()
	var document yaml.Node
	err = yaml.Unmarshal(text, &document)
	return milliseconds(time.Since(begin)), err
}
