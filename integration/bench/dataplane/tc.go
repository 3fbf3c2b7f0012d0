package dataplane

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// attachTC attaches a tc program to the ingress of the loopback device, which tests the
// ports and then looks up the VIP in a hash. The filter keeps a reference to the
// program, and the program one to the hash.
func (d *director) attachTC() error {
	marks, err := ebpf.NewMap(&ebpf.MapSpec{
		Name: "marks", Type: ebpf.Hash, KeySize: 4, ValueSize: 4, MaxEntries: uint32(max(d.site.vips, 1024)),
	})
	if err != nil {
		return fmt.Errorf("BPF hash: %w", err)
	}
	defer marks.Close()
	for i := range d.site.vips {
		if err := marks.Put(d.site.vip(i).As4(), d.site.mark(i)); err != nil {
			return fmt.Errorf("BPF hash: %w", err)
		}
	}
	low, high := d.site.passive(0)
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "marks", Type: ebpf.SchedCLS, License: "GPL",
		Instructions: marking(marks.FD(), int32(low), int32(high)),
	})
	if err != nil {
		return fmt.Errorf("BPF program: %w", err)
	}
	defer program.Close()
	return d.Do(func() error { return clsact(program.FD()) })
}

// marking returns the program. In C:
//
//	if (data + 54 > data_end || eth->h_proto != htons(ETH_P_IP)) return TC_ACT_OK;
//	if (ip->version_ihl != 0x45 || ip->protocol != IPPROTO_TCP) return TC_ACT_OK;
//	port = ntohs(tcp->dest);
//	if (port != controlPort && (port < low || port > high)) return TC_ACT_OK;
//	if ((mark = bpf_map_lookup_elem(&marks, &ip->daddr))) skb->mark = *mark;
//	return TC_ACT_OK;
func marking(marks int, low, high int32) asm.Instructions {
	const (
		skb, data, word              = asm.R6, asm.R2, asm.R3
		skbMark, skbData, skbDataEnd = 8, 76, 80 // struct __sk_buff
		ethernet, ip                 = 14, 20
	)
	return asm.Instructions{
		asm.Mov.Reg(skb, asm.R1),
		asm.LoadMem(data, asm.R1, skbData, asm.Word),
		asm.LoadMem(asm.R4, asm.R1, skbDataEnd, asm.Word),
		asm.Mov.Reg(word, data),
		asm.Add.Imm(word, ethernet+ip+20),
		asm.JGT.Reg(word, asm.R4, "done"),
		asm.LoadMem(word, data, 12, asm.Half),
		asm.HostTo(asm.BE, word, asm.Half),
		asm.JNE.Imm(word, unix.ETH_P_IP, "done"),
		asm.LoadMem(word, data, ethernet, asm.Byte),
		asm.JNE.Imm(word, 0x45, "done"),
		asm.LoadMem(word, data, ethernet+9, asm.Byte),
		asm.JNE.Imm(word, unix.IPPROTO_TCP, "done"),

		asm.LoadMem(word, data, ethernet+ip+2, asm.Half),
		asm.HostTo(asm.BE, word, asm.Half),
		asm.JEq.Imm(word, controlPort, "ours"),
		asm.JLT.Imm(word, low, "done"),
		asm.JGT.Imm(word, high, "done"),

		asm.LoadMem(word, data, ethernet+16, asm.Word).WithSymbol("ours"),
		asm.StoreMem(asm.RFP, -4, word, asm.Word),
		asm.LoadMapPtr(asm.R1, marks),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, -4),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "done"),
		asm.LoadMem(word, asm.R0, 0, asm.Word),
		asm.StoreMem(skb, skbMark, word, asm.Word),

		asm.Mov.Imm(asm.R0, 0).WithSymbol("done"), // TC_ACT_OK
		asm.Return(),
	}
}

// clsact attaches a program to the loopback device of the thread's namespace.
func clsact(program int) error {
	const loopback = 1
	qdisc := &netlink.GenericQdisc{QdiscType: "clsact", QdiscAttrs: netlink.QdiscAttrs{
		LinkIndex: loopback, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_CLSACT,
	}}
	filter := &netlink.BpfFilter{Fd: program, Name: "marks", DirectAction: true, FilterAttrs: netlink.FilterAttrs{
		LinkIndex: loopback, Parent: netlink.HANDLE_MIN_INGRESS, Handle: 1, Priority: 1, Protocol: unix.ETH_P_ALL,
	}}
	if err := netlink.QdiscAdd(qdisc); err != nil {
		return errors.Join(errors.New("tc qdisc clsact (CONFIG_NET_SCH_INGRESS)"), err)
	}
	if err := netlink.FilterAdd(filter); err != nil {
		return errors.Join(errors.New("tc filter bpf (CONFIG_NET_CLS_BPF)"), err)
	}
	return nil
}
