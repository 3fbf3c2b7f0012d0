package packets

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/equivalence"
)

// A Generator sends packets on one processor. Only one goroutine may use it at a time.
type Generator struct {
	cpu      int
	urgent   bool
	programs map[config.Family]*program
}

// loopback is the index of the device lo in each network namespace. It is the input
// device of packets without another one, whether or not it is up.
const loopback = 1

// New returns a generator on the last processor that this thread may run on. An urgent
// one uses real-time scheduling (SCHED_FIFO, sched(7)), so that other processes do not
// change the caches meanwhile. New needs root and Linux 5.18.
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

// Close releases the programs of the generator.
func (g *Generator) Close() error {
	var errs []error
	for _, p := range g.programs {
		if p != nil {
			errs = append(errs, p.close())
		}
	}
	return errors.Join(errs...)
}

// Send sends each packet of the list once into the namespace. After a signal it starts
// again, so that some packets may arrive several times.
func (g *Generator) Send(to *equivalence.Namespace, l *List) error {
	return g.on(to, l, func(p *program) error {
		_, _, err := p.run(l.Len())
		return err
	})
}

// Time sends a number of packets of the list into the namespace and returns the CPU
// time per packet in nanoseconds. Before that it sends the list a few times, to warm up
// the caches.
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

// on calls f on a thread in the namespace and on the generator's processor.
func (g *Generator) on(to *equivalence.Namespace, l *List, f func(*program) error) error {
	p := g.programs[l.family]
	if err := p.load(l); err != nil {
		return fmt.Errorf("list of packets: %w", err)
	}
	return to.Do(func() error {
		if err := g.pin(); err != nil {
			return err
		}
		return f(p)
	})
}

// pin binds the calling thread to the processor, and sets its scheduling.
func (g *Generator) pin() error {
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

// lastCPU returns the last processor that this thread may run on.
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
