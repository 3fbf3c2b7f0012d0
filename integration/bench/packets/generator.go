package packets

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/equivalence"
)

// A Generator sends packets from one processor. One goroutine may use it at a
// time.
type Generator struct {
	cpu     int
	urgent  bool
	program *program
	frame   []byte
	nowhere *equivalence.Namespace
	held    link.Link
}

// loopback is the index of the device lo in each network namespace. What arrives
// without a device of its own arrives there, whether or not it is up.
const loopback = 1

// New is a generator on the last processor that this thread may run on. An urgent
// one sends ahead of all other work on it (sched(7), SCHED_FIFO): what others leave
// in the caches would be measured as well. It needs root and Linux 5.18.
func New(urgent bool) (*Generator, error) {
	g := &Generator{urgent: urgent, frame: frameOf(equivalence.Packet{To: netip.AddrFrom4([4]byte{192, 0, 2, 1})})}
	if err := g.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("packet generator: %w", err), g.Close())
	}
	return g, nil
}

func (g *Generator) open() (err error) {
	if g.cpu, err = lastCPU(); err != nil {
		return err
	}
	if g.program, err = newProgram(); err != nil {
		return err
	}
	if g.nowhere, err = equivalence.NewNamespace(); err != nil {
		return err
	}
	return g.hold()
}

// hold attaches the program where no packet comes. For one that is attached
// nowhere the kernel rewrites code of its own at the begin and the end of each
// run, and waits tens of milliseconds for that.
func (g *Generator) hold() error {
	return g.nowhere.Do(func() (err error) {
		g.held, err = link.AttachXDP(link.XDPOptions{Program: g.program.Program, Interface: loopback, Flags: link.XDPGenericMode})
		return err
	})
}

// Close gives the generator up.
func (g *Generator) Close() error {
	var errs []error
	if g.held != nil {
		errs = append(errs, g.held.Close())
	}
	if g.nowhere != nil {
		errs = append(errs, g.nowhere.Close())
	}
	if g.program != nil {
		errs = append(errs, g.program.close())
	}
	return errors.Join(errs...)
}

// Send lets each packet of the list arrive once in the namespace. A run that a
// signal interrupted begins again, so that some may come more often.
func (g *Generator) Send(to *equivalence.Namespace, l *List) error {
	return g.on(to, l, func() error {
		_, _, err := g.run(l.Len())
		return err
	})
}

// Time is the time that one packet takes, in nanoseconds of the processor, when
// so many packets of the list arrive in the namespace. Before that they come a few
// times, until the caches hold what a load of such packets leaves in them.
func (g *Generator) Time(to *equivalence.Namespace, l *List, packets int) (perPacket float64, err error) {
	err = g.on(to, l, func() error {
		const before = 4
		if _, _, err := g.run(before * l.Len()); err != nil {
			return err
		}
		sent, took, err := g.run(packets)
		if err == nil {
			perPacket = float64(took) / float64(sent)
		}
		return err
	})
	return perPacket, err
}

// on calls f on a thread that is in the namespace and on the generator's processor.
func (g *Generator) on(to *equivalence.Namespace, l *List, f func() error) error {
	if err := g.program.load(l); err != nil {
		return fmt.Errorf("list of packets: %w", err)
	}
	return to.Do(func() error {
		if err := g.take(); err != nil {
			return err
		}
		return f()
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

// run returns how many packets were sent, and the processor's time for them: that
// of the thread, so that other work on the processor does not count.
func (g *Generator) run(packets int) (sent uint64, took time.Duration, err error) {
	before, err := g.program.sent()
	if err != nil {
		return 0, 0, err
	}
	begin := threadTime()
	_, err = g.program.Run(&ebpf.RunOptions{Data: g.frame, Repeat: uint32(packets), Flags: unix.BPF_F_TEST_XDP_LIVE_FRAMES})
	took = threadTime() - begin
	if err != nil {
		return 0, 0, fmt.Errorf("sending by BPF_PROG_TEST_RUN, which needs Linux 5.18: %w", err)
	}
	after, err := g.program.sent()
	if err == nil && after-before < uint64(packets) {
		err = fmt.Errorf("%d of %d packets were sent", after-before, packets)
	}
	return after - before, took, err
}

func threadTime() time.Duration {
	var now unix.Timespec
	// Fails for no clock that Linux has.
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now)
	return time.Duration(now.Nano())
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
