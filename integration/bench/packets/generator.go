package packets

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/equivalence"
)

// A Generator sends packets from one processor. One goroutine may use it at a
// time.
type Generator struct {
	cpu      int
	urgent   bool
	programs map[config.Family]*program
}

// loopback is the index of the device lo in each network namespace. What arrives
// without a device of its own arrives there, whether or not it is up.
const loopback = 1

// New is a generator on the last processor that this thread may run on. An urgent
// one sends ahead of all other work on it (sched(7), SCHED_FIFO): what others leave
// in the caches would be measured as well. It needs root and Linux 5.18.
func New(urgent bool) (*Generator, error) {
	g := &Generator{urgent: urgent, programs: map[config.Family]*program{}}
	if err := g.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("packet generator: %w", err), g.Close())
	}
	return g, nil
}

func (g *Generator) open() (err error) {
	if g.cpu, err = lastCPU(); err != nil {
		return err
	}
	for _, f := range config.Families() {
		if g.programs[f], err = newProgram(f); err != nil {
			return err
		}
	}
	return nil
}

// Close gives the generator up.
func (g *Generator) Close() error {
	var errs []error
	for _, p := range g.programs {
		if p != nil {
			errs = append(errs, p.close())
		}
	}
	return errors.Join(errs...)
}

// Send lets each packet of the list arrive once in the namespace. A run that a
// signal interrupted begins again, so that some may come more often.
func (g *Generator) Send(to *equivalence.Namespace, l *List) error {
	return g.on(to, l, func(p *program) error {
		_, _, err := p.run(l.Len())
		return err
	})
}

// Time is the time that one packet takes, in nanoseconds of the processor, when
// so many packets of the list arrive in the namespace. Before that they come a few
// times, until the caches hold what a load of such packets leaves in them.
func (g *Generator) Time(to *equivalence.Namespace, l *List, packets int) (perPacket float64, err error) {
	err = g.on(to, l, func(p *program) error {
		const before = 4
		if _, _, err := p.run(before * l.Len()); err != nil {
			return err
		}
		sent, took, err := p.run(packets)
		if err == nil {
			perPacket = float64(took) / float64(sent)
		}
		return err
	})
	return perPacket, err
}

// on calls f on a thread that is in the namespace and on the generator's processor.
func (g *Generator) on(to *equivalence.Namespace, l *List, f func(*program) error) error {
	p := g.programs[l.family]
	if err := p.load(l); err != nil {
		return fmt.Errorf("list of packets: %w", err)
	}
	return to.Do(func() error {
		if err := g.take(); err != nil {
			return err
		}
		return f(p)
	})
}

// take puts the calling thread on the processor.
func (g *Generator) take() error {
	var cpu unix.CPUSet
	cpu.Set(g.cpu)
	if err := unix.SchedSetaffinity(0, &cpu); err != nil {
		return fmt.Errorf("processor %d: %w", g.cpu, err)
	}
	if !g.urgent {
		return nil
	}
	attr := unix.SchedAttr{Policy: unix.SCHED_FIFO, Priority: 1}
	if err := unix.SchedSetAttr(0, &attr, 0); err != nil {
		return fmt.Errorf("real-time scheduling: %w", err)
	}
	return nil
}

// lastCPU is the last processor that this thread may run on.
func lastCPU() (int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return 0, fmt.Errorf("processors of this thread: %w", err)
	}
	last := len(set)*64 - 1
	for last > 0 && !set.IsSet(last) {
		last--
	}
	return last, nil
}
