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

// A program gives each frame that it sees the headers of the next packet of a
// list, and counts them. The lists are of one family.
type program struct {
	layout
	*ebpf.Program
	example []byte    // of a frame
	turn    *ebpf.Map // of one value: next packet, length of the list, packets so far
	entries *ebpf.Map // of one value: the list's
	nowhere *equivalence.Namespace
	held    link.Link
}

// Offsets in the value of turn, of 8 bytes each.
const (
	turnNext   = 0
	turnLength = 8
	turnSent   = 16
	turnSize   = 24
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
	if p.turn, err = newValue(turnSize); err != nil {
		return err
	}
	if p.entries, err = newValue(uint32(p.entrySize * MostPackets)); err != nil {
		return err
	}
	p.Program, err = ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "packets", Type: ebpf.XDP, License: "GPL",
		Instructions: p.instructions(p.turn.FD(), p.entries.FD()),
	})
	if err != nil {
		return err
	}
	if p.nowhere, err = equivalence.NewNamespace(); err != nil {
		return err
	}
	return p.hold()
}

// hold attaches the program where no packet comes. For one that is attached
// nowhere the kernel rewrites code of its own at the begin and the end of each
// run, and waits tens of milliseconds for that.
func (p *program) hold() error {
	return p.nowhere.Do(func() (err error) {
		p.held, err = link.AttachXDP(link.XDPOptions{Program: p.Program, Interface: loopback, Flags: link.XDPGenericMode})
		return err
	})
}

// newValue is a map of one value, which a program reaches without a look-up.
func newValue(size uint32) (*ebpf.Map, error) {
	return ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: size, MaxEntries: 1})
}

// instructions are, in C:
//
//	if (data + frame > data_end || turn->next >= MostPackets) return XDP_ABORTED;
//	entry = &entries[turn->next++];
//	if (turn->next >= turn->length) turn->next = 0;
//	turn->sent++;
//	… copy the entry's pieces to their places …
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
		asm.LoadMem(next, turnAt, turnNext, asm.DWord),
		asm.JGE.Imm(next, MostPackets, "aborted"),
		asm.LoadMapValue(entry, entries, 0),
		asm.Mov.Reg(word, next),
		asm.Mul.Imm(word, int32(l.entrySize)),
		asm.Add.Reg(entry, word),

		asm.Add.Imm(next, 1),
		asm.LoadMem(word, turnAt, turnLength, asm.DWord),
		asm.JLT.Reg(next, word, "more"),
		asm.Mov.Imm(next, 0),
		asm.StoreMem(turnAt, turnNext, next, asm.DWord).WithSymbol("more"),
		asm.LoadMem(word, turnAt, turnSent, asm.DWord),
		asm.Add.Imm(word, 1),
		asm.StoreMem(turnAt, turnSent, word, asm.DWord),
	}
	end := asm.Instructions{
		asm.Mov.Imm(asm.R0, xdpPass),
		asm.Return(),

		asm.Mov.Imm(asm.R0, xdpAborted).WithSymbol("aborted"),
		asm.Return(),
	}
	return slices.Concat(begin, l.copies(data, entry, word), end)
}

// load has the program begin a list.
func (p *program) load(l *List) error {
	value := make([]byte, p.entrySize*MostPackets)
	copy(value, l.entries)
	if err := p.entries.Put(uint32(0), value); err != nil {
		return err
	}
	turn := make([]byte, turnSize)
	binary.NativeEndian.PutUint64(turn[turnLength:], uint64(l.length))
	return p.turn.Put(uint32(0), turn)
}

// sent is the number of packets since the list was loaded.
func (p *program) sent() (uint64, error) {
	turn, err := p.turn.LookupBytes(uint32(0))
	if err != nil {
		return 0, err
	}
	return binary.NativeEndian.Uint64(turn[turnSent:]), nil
}

// run returns how many packets were sent, and the processor's time for them: that
// of the thread, so that other work on the processor does not count.
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
	// Fails for no clock that Linux has.
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now)
	return time.Duration(now.Nano())
}

func (p *program) close() error {
	var errs []error
	if p.held != nil {
		errs = append(errs, p.held.Close())
	}
	if p.nowhere != nil {
		errs = append(errs, p.nowhere.Close())
	}
	return errors.Join(append(errs, p.Program.Close(), p.turn.Close(), p.entries.Close())...)
}
