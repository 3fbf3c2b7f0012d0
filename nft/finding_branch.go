package nft

import (
	"slices"

	"golang.org/x/sys/unix"
)

// A branch is what becomes of a part of the packets while a rule is followed:
// its registers, and the conditions met that may or may not hold.
type branch struct {
	part
	unsure    []string
	registers [registerSlots]*value // nil: never filled
}

// registerSlots is the number of 32-bit registers; NFT_REG_1 to NFT_REG_4 are
// four of them each.
const registerSlots = 16

// slotOf is the first 32-bit register of a register number; false for that of
// the verdict, and for none.
func slotOf(register uint32) (int, bool) {
	switch {
	case register >= unix.NFT_REG_1 && register <= unix.NFT_REG_4:
		return int(register-unix.NFT_REG_1) * 4, true
	case register >= unix.NFT_REG32_00 && register < unix.NFT_REG32_00+registerSlots:
		return int(register - unix.NFT_REG32_00), true
	}
	return 0, false
}

// at is the value of a register.
func (b *branch) at(register uint32) value {
	if slot, ok := slotOf(register); ok && b.registers[slot] != nil {
		return *b.registers[slot]
	}
	return opaqueValue("", 0)
}

func (b *branch) load(register uint32, v value) {
	if slot, ok := slotOf(register); ok {
		b.registers[slot] = &v
	}
}

// fields are the values that stand one behind the other in registers, each
// padded to 32 bits: the key of a set that concatenates.
func (b *branch) fields(register uint32, keyLen int) []value {
	slot, ok := slotOf(register)
	var fields []value
	for ok && keyLen > 0 && slot < registerSlots {
		v := opaqueValue("", keyLen)
		if known := b.registers[slot]; known != nil && known.size > 0 && known.size <= keyLen {
			v = *known
		}
		fields = append(fields, v)
		keyLen -= padded(v.size)
		slot += padded(v.size) / 4
	}
	return fields
}

func padded(size int) int { return (size + 3) &^ 3 }

// under is the branch under further conditions.
func (b branch) under(names ...string) branch {
	b.unsure = slices.Clone(b.unsure)
	for _, name := range names {
		if name != "" && !slices.Contains(b.unsure, name) {
			b.unsure = append(b.unsure, name)
		}
	}
	return b
}

// try narrows the branch by a test of a value, in any number of branches.
func (w *walk) try(b branch, v value, t test) []branch {
	s := w.packets.try(v, t, b.part)
	if s.unsure {
		b = b.under(nameOf(v))
	}
	narrowed := make([]branch, len(s.hits))
	for i, hit := range s.hits {
		narrowed[i] = b
		narrowed[i].part = hit
	}
	return narrowed
}

func nameOf(v value) string {
	if v.name == "" {
		return "a value that lvsmark does not follow"
	}
	return v.name
}
