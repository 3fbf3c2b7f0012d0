package packets

import (
	"encoding/binary"
	"errors"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// A program gives each frame that it sees the headers of the next packet of a
// list, and counts them.
type program struct {
	*ebpf.Program
	turn    *ebpf.Map // of one value: next packet, length of the list, packets so far
	entries *ebpf.Map // of one value: the list's
}

// Offsets in the value of turn, of 8 bytes each.
const (
	turnNext   = 0
	turnLength = 8
	turnSent   = 16
	turnSize   = 24
)

func newProgram() (*program, error) {
	p := &program{}
	if err := p.open(); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (p *program) open() (err error) {
	if p.turn, err = newValue(turnSize); err != nil {
		return err
	}
	if p.entries, err = newValue(entrySize * MostPackets); err != nil {
		return err
	}
	p.Program, err = ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "packets", Type: ebpf.XDP, License: "GPL",
		Instructions: instructions(p.turn.FD(), p.entries.FD()),
	})
	return err
}

// newValue is a map of one value, which a program reaches without a look-up.
func newValue(size uint32) (*ebpf.Map, error) {
	return ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: size, MaxEntries: 1})
}

// instructions are, in C:
//
//	if (data + 54 > data_end || turn->next >= MostPackets) return XDP_ABORTED;
//	entry = &entries[turn->next++];
//	if (turn->next >= turn->length) turn->next = 0;
//	turn->sent++;
//	… copy the entry's words to their places …
//	return XDP_PASS;
func instructions(turn, entries int) asm.Instructions {
	const (
		data, turnAt, entry, next, word = asm.R2, asm.R4, asm.R5, asm.R6, asm.R0
		xdpAborted, xdpPass             = 0, 2
	)
	return asm.Instructions{
		asm.LoadMem(data, asm.R1, 0, asm.Word),
		asm.LoadMem(asm.R3, asm.R1, 4, asm.Word),
		asm.Mov.Reg(word, data),
		asm.Add.Imm(word, ethernetSize+segmentSize),
		asm.JGT.Reg(word, asm.R3, "aborted"),

		asm.LoadMapValue(turnAt, turn, 0),
		asm.LoadMem(next, turnAt, turnNext, asm.DWord),
		asm.JGE.Imm(next, MostPackets, "aborted"),
		asm.LoadMapValue(entry, entries, 0),
		asm.Mov.Reg(word, next),
		asm.Mul.Imm(word, entrySize),
		asm.Add.Reg(entry, word),

		asm.Add.Imm(next, 1),
		asm.LoadMem(word, turnAt, turnLength, asm.DWord),
		asm.JLT.Reg(next, word, "more"),
		asm.Mov.Imm(next, 0),
		asm.StoreMem(turnAt, turnNext, next, asm.DWord).WithSymbol("more"),
		asm.LoadMem(word, turnAt, turnSent, asm.DWord),
		asm.Add.Imm(word, 1),
		asm.StoreMem(turnAt, turnSent, word, asm.DWord),

		asm.LoadMem(word, entry, 0, asm.Word),
		asm.StoreMem(data, ethernetSize+atProtocol, word, asm.Word),
		asm.LoadMem(word, entry, 4, asm.Word),
		asm.StoreMem(data, ethernetSize+atTo, word, asm.Word),
		asm.LoadMem(word, entry, 8, asm.Half),
		asm.StoreMem(data, ethernetSize+atPort, word, asm.Half),
		asm.Mov.Imm(asm.R0, xdpPass),
		asm.Return(),

		asm.Mov.Imm(asm.R0, xdpAborted).WithSymbol("aborted"),
		asm.Return(),
	}
}

// load has the program begin a list.
func (p *program) load(l *List) error {
	value := make([]byte, entrySize*MostPackets)
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

func (p *program) close() error {
	return errors.Join(p.Program.Close(), p.turn.Close(), p.entries.Close())
}
