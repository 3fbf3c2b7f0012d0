package packets

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/equivalence"
)

// A program is an XDP program that writes the headers of the next packet of a list into
// each frame, and counts the packets. Its lists are of one family.
type program struct {
	layout
	*ebpf.Program
	example  []byte    // of a frame
	state    *ebpf.Map // one value: next packet, length of the list, number of packets so far
	entries  *ebpf.Map // one value: the entries of the list
	idle     *equivalence.Namespace
	attached link.Link
}

// Offsets in the value of state, of 8 bytes each.
const (
	stateNext   = 0
	stateLength = 8
	stateSent   = 16
	stateSize   = 24
)

func newProgram(f config.Family) (*program, error) {
	form := layoutOf(f)
	p := &program{layout: form, example: form.frame()}
	if err := p.open(); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (p *program) open() (err error) {
	if p.state, err = newValue(stateSize); err != nil {
		return err
	}
	if p.entries, err = newValue(uint32(p.entrySize * MaxPackets)); err != nil {
		return err
	}
	p.Program, err = ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "packets", Type: ebpf.XDP, License: "GPL",
		Instructions: p.instructions(p.state.FD(), p.entries.FD()),
	})
	if err != nil {
		return err
	}
	if p.idle, err = equivalence.NewNamespace(); err != nil {
		return err
	}
	return p.attach()
}

// attach attaches the program in a namespace without packets. For a program that is not
// attached, the kernel patches its own code at the start and end of each run, which
// takes tens of milliseconds.
func (p *program) attach() error {
	return p.idle.Do(func() (err error) {
		p.attached, err = link.AttachXDP(link.XDPOptions{Program: p.Program, Interface: loopback, Flags: link.XDPGenericMode})
		return err
	})
}

// newValue returns a map of one value, which a program accesses without a lookup.
func newValue(size uint32) (*ebpf.Map, error) {
	return ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: size, MaxEntries: 1})
}

// instructions returns the program. In C:
//
//	if (data + frame > data_end || turn->next >= MostPackets) return XDP_ABORTED;
//	entry = &entries[turn->next++];
//	if (turn->next >= turn->length) turn->next = 0;
//	turn->sent++;
//	… copy the fields of the entry …
//	return XDP_PASS;
func (l layout) instructions(turn, entries int) asm.Instructions {
	const (
		data, turnAt, entry, next, word = asm.R2, asm.R4, asm.R5, asm.R6, asm.R0
		xdpAborted, xdpPass             = 0, 2
	)
	begin := asm.Instructions{
		asm.LoadMem(data, asm.R1, 0, asm.Word),
		asm.LoadMem(asm.R3, asm.R1, 4, asm.Word),
		asm.Mov.Reg(word, data),
		asm.Add.Imm(word, int32(ethernetSize+l.segmentSize)),
		asm.JGT.Reg(word, asm.R3, "aborted"),

		asm.LoadMapValue(turnAt, turn, 0),
		asm.LoadMem(next, turnAt, stateNext, asm.DWord),
		asm.JGE.Imm(next, MaxPackets, "aborted"),
		asm.LoadMapValue(entry, entries, 0),
		asm.Mov.Reg(word, next),
		asm.Mul.Imm(word, int32(l.entrySize)),
		asm.Add.Reg(entry, word),

		asm.Add.Imm(next, 1),
		asm.LoadMem(word, turnAt, stateLength, asm.DWord),
		asm.JLT.Reg(next, word, "more"),
		asm.Mov.Imm(next, 0),
		asm.StoreMem(turnAt, stateNext, next, asm.DWord).WithSymbol("more"),
		asm.LoadMem(word, turnAt, stateSent, asm.DWord),
		asm.Add.Imm(word, 1),
		asm.StoreMem(turnAt, stateSent, word, asm.DWord),
	}
	end := asm.Instructions{
		asm.Mov.Imm(asm.R0, xdpPass),
		asm.Return(),

		asm.Mov.Imm(asm.R0, xdpAborted).WithSymbol("aborted"),
		asm.Return(),
	}
	return slices.Concat(begin, l.copies(data, entry, word), end)
}

// load makes the program start with a list.
func (p *program) load(l *List) error {
	value := make([]byte, p.entrySize*MaxPackets)
	copy(value, l.entries)
	if err := p.entries.Put(uint32(0), value); err != nil {
		return err
	}
	turn := make([]byte, stateSize)
	binary.NativeEndian.PutUint64(turn[stateLength:], uint64(l.length))
	return p.state.Put(uint32(0), turn)
}

// sent returns the number of packets since load.
func (p *program) sent() (uint64, error) {
	turn, err := p.state.LookupBytes(uint32(0))
	if err != nil {
		return 0, err
	}
	return binary.NativeEndian.Uint64(turn[stateSent:]), nil
}

// run sends packets and returns their number and the CPU time of the thread, which does
// not include other work on the processor.
func (p *program) run(packets int) (sent uint64, took time.Duration, err error) {
	before, err := p.sent()
	if err != nil {
		return 0, 0, err
	}
	begin := threadTime()
	_, err = p.Run(&ebpf.RunOptions{Data: p.example, Repeat: uint32(packets), Flags: unix.BPF_F_TEST_XDP_LIVE_FRAMES})
	took = threadTime() - begin
	if err != nil {
		return 0, 0, fmt.Errorf("sending by BPF_PROG_TEST_RUN, which needs Linux 5.18: %w", err)
	}
	after, err := p.sent()
	if err == nil && after-before < uint64(packets) {
		err = fmt.Errorf("%d of %d packets were sent", after-before, packets)
	}
	return after - before, took, err
}

func threadTime() time.Duration {
	var now unix.Timespec
	// Never fails: Linux has this clock.
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now)
	return time.Duration(now.Nano())
}

func (p *program) close() error {
	var errs []error
	if p.attached != nil {
		errs = append(errs, p.attached.Close())
	}
	if p.idle != nil {
		errs = append(errs, p.idle.Close())
	}
	return errors.Join(append(errs, p.Program.Close(), p.state.Close(), p.entries.Close())...)
}
