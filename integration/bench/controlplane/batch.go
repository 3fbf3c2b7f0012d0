package controlplane

import (
	"encoding/binary"
	"slices"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// batch returns a netlink batch that creates the director's ruleset. It is made from the
// kernel's dumps, without lvsmark's code.
func (d *director) batch() (batch []byte, err error) {
	err = d.Do(func() error {
		conn, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{MessageBufferSize: 64 << 10})
		if err != nil {
			return err
		}
		defer conn.Close()
		c := &copier{conn: conn}
		c.copy()
		batch = c.batch()
		return c.err
	})
	return batch, err
}

// A copier turns the kernel's dumps into requests. After the first error, which it
// keeps, it does nothing.
type copier struct {
	conn     *netlink.Conn
	messages []netlink.Message
	err      error
}

// An object is a table, a chain, a set, some elements of a set, or a rule.
type object []netlink.Attribute

// copy adds the requests in the order that the kernel needs: elements may refer to
// chains, and rules to sets. It omits handles and counters.
func (c *copier) copy() {
	const tableUserdata, chainFlags, chainUserdata = 6, 10, 12 // not in x/sys/unix
	for _, table := range c.list(unix.NFT_MSG_GETTABLE, nil) {
		c.add(unix.NFT_MSG_NEWTABLE, table, unix.NFTA_TABLE_NAME, unix.NFTA_TABLE_FLAGS, tableUserdata)
	}
	for _, chain := range c.list(unix.NFT_MSG_GETCHAIN, nil) {
		c.add(unix.NFT_MSG_NEWCHAIN, chain, unix.NFTA_CHAIN_TABLE, unix.NFTA_CHAIN_NAME, unix.NFTA_CHAIN_HOOK,
			unix.NFTA_CHAIN_POLICY, unix.NFTA_CHAIN_TYPE, chainFlags, chainUserdata)
	}
	for i, set := range c.list(unix.NFT_MSG_GETSET, nil) {
		number := netlink.Attribute{Type: unix.NFTA_SET_ID, Data: binary.BigEndian.AppendUint32(nil, uint32(i+1))}
		c.add(unix.NFT_MSG_NEWSET, append(set, number), unix.NFTA_SET_TABLE, unix.NFTA_SET_NAME, unix.NFTA_SET_FLAGS,
			unix.NFTA_SET_KEY_TYPE, unix.NFTA_SET_KEY_LEN, unix.NFTA_SET_DATA_TYPE, unix.NFTA_SET_DATA_LEN,
			unix.NFTA_SET_DESC, unix.NFTA_SET_ID, unix.NFTA_SET_USERDATA)
		for _, elements := range c.list(unix.NFT_MSG_GETSETELEM, set.with(unix.NFTA_SET_TABLE, unix.NFTA_SET_NAME)) {
			c.add(unix.NFT_MSG_NEWSETELEM, elements, unix.NFTA_SET_ELEM_LIST_TABLE, unix.NFTA_SET_ELEM_LIST_SET,
				unix.NFTA_SET_ELEM_LIST_ELEMENTS)
		}
	}
	for _, rule := range c.list(unix.NFT_MSG_GETRULE, nil) {
		c.add(unix.NFT_MSG_NEWRULE, rule, unix.NFTA_RULE_TABLE, unix.NFTA_RULE_CHAIN, unix.NFTA_RULE_EXPRESSIONS,
			unix.NFTA_RULE_USERDATA)
	}
}

// with returns the object's attributes of these types.
func (o object) with(types ...uint16) object {
	return slices.DeleteFunc(slices.Clone(o), func(a netlink.Attribute) bool {
		return !slices.Contains(types, a.Type&^(netlink.Nested|netlink.NetByteOrder))
	})
}

// list dumps the objects of a kind, for IPv4 only.
func (c *copier) list(get uint16, about object) []object {
	if c.err != nil {
		return nil
	}
	var replies []netlink.Message
	if replies, c.err = c.conn.Execute(c.request(get, netlink.Dump, about)); c.err != nil {
		return nil
	}
	var objects []object
	for _, reply := range replies {
		var o object
		if o, c.err = netlink.UnmarshalAttributes(reply.Data[nfgenmsg:]); c.err != nil {
			return nil
		}
		objects = append(objects, o)
	}
	return objects
}

// add adds the request that creates an object.
func (c *copier) add(typ uint16, o object, types ...uint16) {
	c.messages = append(c.messages, c.request(typ, netlink.Create|netlink.Append, o.with(types...)))
}

// nfgenmsg is the size of struct nfgenmsg: family, version, resource.
const nfgenmsg = 4

func (c *copier) request(typ uint16, flags netlink.HeaderFlags, o object) netlink.Message {
	data, err := netlink.MarshalAttributes(o)
	if err != nil && c.err == nil {
		c.err = err
	}
	return netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | typ), Flags: netlink.Request | flags},
		Data:   append([]byte{unix.NFPROTO_IPV4, unix.NFNETLINK_V0, 0, 0}, data...),
	}
}

// batch returns the messages as one transaction. It requests an acknowledgement for the
// last object.
func (c *copier) batch() []byte {
	if c.err != nil {
		return nil
	}
	c.messages[len(c.messages)-1].Header.Flags |= netlink.Acknowledge
	border := func(typ netlink.HeaderType) netlink.Message {
		return netlink.Message{
			Header: netlink.Header{Type: typ, Flags: netlink.Request},
			Data:   []byte{unix.NFPROTO_UNSPEC, unix.NFNETLINK_V0, 0, unix.NFNL_SUBSYS_NFTABLES},
		}
	}
	var batch []byte
	for i, m := range slices.Concat([]netlink.Message{border(unix.NFNL_MSG_BATCH_BEGIN)}, c.messages, []netlink.Message{border(unix.NFNL_MSG_BATCH_END)}) {
		m.Header.Sequence = uint32(i + 1)
		m.Data = append(m.Data, make([]byte, -len(m.Data)&3)...)
		m.Header.Length = uint32(unix.SizeofNlMsghdr + len(m.Data))
		var text []byte
		if text, c.err = m.MarshalBinary(); c.err != nil {
			return nil
		}
		batch = append(batch, text...)
	}
	return batch
}
