package nft

import (
	"fmt"
	"slices"

	"github.com/google/nftables/userdata"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
	"github.com/lvsmark/lvsmark/internal/printable"
)

// Attributes missing in golang.org/x/sys/unix.
const (
	nftaTableUserdata  = 6
	nftaChainFlags     = 10
	nftaChainUserdata  = 12
	nftaHookDevs       = 4
	nftaDeviceName     = 1
	nftaFlowtableTable = 1
	nftaFlowtableName  = 2
)

// Verdicts of linux/netfilter.h.
const (
	verdictDrop   = 0
	verdictAccept = 1
)

// elementBytesPerMessage limits the elements of a message in bytes: the length of their list
// has 16 bits.
const elementBytesPerMessage = 32 << 10

// A message is one object of a batch.
type message struct {
	typ    uint16 // NFT_MSG_*
	flags  uint16
	family Family
	data   []byte
	object string // name for errors
	origin any    // the object that the message creates: a *Set, *Chain, *Rule or *Unmanaged; nil: none
}

func (t *Table) newTable() message {
	b := netlink.AppendText(nil, unix.NFTA_TABLE_NAME, t.Name)
	b = netlink.AppendBigEndian32(b, unix.NFTA_TABLE_FLAGS, t.Flags)
	if t.Comment != "" {
		b = netlink.AppendAttribute(b, nftaTableUserdata, appendComment(nil, userdata.TypeComment, t.Comment))
	}
	return message{unix.NFT_MSG_NEWTABLE, unix.NLM_F_CREATE | unix.NLM_F_EXCL, t.Family, b, t.String(), nil}
}

func (t *Table) delTable() message {
	return message{unix.NFT_MSG_DELTABLE, 0, t.Family, netlink.AppendText(nil, unix.NFTA_TABLE_NAME, t.Name), t.String(), nil}
}

// newSet needs an id that is unique in the transaction.
func (t *Table) newSet(s *Set, id uint32) message {
	b := netlink.AppendText(nil, unix.NFTA_SET_TABLE, t.Name)
	b = netlink.AppendText(b, unix.NFTA_SET_NAME, s.pattern())
	b = netlink.AppendBigEndian32(b, unix.NFTA_SET_FLAGS, s.Flags)
	b = netlink.AppendBigEndian32(b, unix.NFTA_SET_KEY_TYPE, s.KeyType)
	b = netlink.AppendBigEndian32(b, unix.NFTA_SET_KEY_LEN, s.KeyLen)
	if s.isMap() {
		b = netlink.AppendBigEndian32(b, unix.NFTA_SET_DATA_TYPE, s.DataType)
		b = netlink.AppendBigEndian32(b, unix.NFTA_SET_DATA_LEN, s.DataLen)
	}
	b = netlink.AppendBigEndian32(b, unix.NFTA_SET_ID, id)
	if s.Size > 0 {
		b = netlink.AppendAttribute(b, unix.NLA_F_NESTED|unix.NFTA_SET_DESC, netlink.AppendBigEndian32(nil, unix.NFTA_SET_DESC_SIZE, s.Size))
	}
	b = netlink.AppendAttribute(b, unix.NFTA_SET_USERDATA, setUserdata(s))
	return message{unix.NFT_MSG_NEWSET, unix.NLM_F_CREATE | unix.NLM_F_EXCL, t.Family, netlink.AppendAttributes(b, s.rest), t.setName(s), s.original()}
}

func (t *Table) delSet(s *Set) message {
	b := netlink.AppendText(nil, unix.NFTA_SET_TABLE, t.Name)
	return message{unix.NFT_MSG_DELSET, 0, t.Family, netlink.AppendText(b, unix.NFTA_SET_NAME, s.Name), t.setName(s), nil}
}

func (t *Table) setName(s *Set) string {
	return fmt.Sprintf("%s %s %s", s.Kind(), t.id(), printable.Line(s.Name))
}

func (t *Table) newElements(s *Set, elements []Element) []message {
	return t.elements(unix.NFT_MSG_NEWSETELEM, unix.NLM_F_CREATE|unix.NLM_F_EXCL, s, elements)
}

func (t *Table) delElements(s *Set, elements []Element) []message {
	return t.elements(unix.NFT_MSG_DELSETELEM, 0, s, elements)
}

// flushSet deletes all elements.
func (t *Table) flushSet(s *Set) message {
	b := netlink.AppendText(nil, unix.NFTA_SET_ELEM_LIST_TABLE, t.Name)
	b = netlink.AppendText(b, unix.NFTA_SET_ELEM_LIST_SET, s.Name)
	return message{unix.NFT_MSG_DELSETELEM, 0, t.Family, b, "elements of " + t.setName(s), nil}
}

// elements distributes the elements over messages. An element is deleted by its key.
func (t *Table) elements(typ uint16, flags uint16, s *Set, elements []Element) []message {
	head := netlink.AppendText(nil, unix.NFTA_SET_ELEM_LIST_TABLE, t.Name)
	head = netlink.AppendText(head, unix.NFTA_SET_ELEM_LIST_SET, s.pattern())
	if s.id != 0 {
		head = netlink.AppendBigEndian32(head, unix.NFTA_SET_ELEM_LIST_SET_ID, s.id)
	}
	object, origin := "elements of "+t.setName(s), any(nil)
	if typ == unix.NFT_MSG_NEWSETELEM {
		origin = s.original()
	}
	var messages []message
	for len(elements) > 0 {
		size, n := 0, 0
		for n < len(elements) && size <= elementBytesPerMessage {
			if typ == unix.NFT_MSG_NEWSETELEM {
				size += len(s.creationRest(elements[n]))
			}
			size += netlink.AttributeHeaderLen + len(elements[n].Key)
			n++
		}
		b := append(make([]byte, 0, len(head)+netlink.AttributeHeaderLen+size), head...)
		b = netlink.AppendAttributeHeader(b, unix.NLA_F_NESTED|unix.NFTA_SET_ELEM_LIST_ELEMENTS, size)
		for _, e := range elements[:n] {
			if typ == unix.NFT_MSG_DELSETELEM {
				e.Rest = ""
			} else {
				e.Rest = s.creationRest(e)
			}
			b = netlink.AppendAttributeHeader(b, unix.NLA_F_NESTED|unix.NFTA_LIST_ELEM, len(e.Key)+len(e.Rest))
			b = append(append(b, e.Key...), e.Rest...)
		}
		messages = append(messages, message{typ, flags, t.Family, b, object, origin})
		elements = elements[n:]
	}
	return messages
}

// creationRest returns the attributes besides the key that create an element. In a set with a
// timeout, the kernel lists the end of an interval with a timeout of 0, and refuses to create one with it.
func (s *Set) creationRest(e Element) string {
	if s.isInterval() && s.Flags&unix.NFT_SET_TIMEOUT != 0 && e.parts().end {
		return ""
	}
	return e.Rest + s.expirations[e.Key]
}

func (t *Table) newChain(c *Chain) message {
	b := netlink.AppendText(nil, unix.NFTA_CHAIN_TABLE, t.Name)
	if c.id != 0 {
		b = netlink.AppendBigEndian32(b, nftaChainID, c.id)
	} else {
		b = netlink.AppendText(b, unix.NFTA_CHAIN_NAME, c.Name)
	}
	if c.Type != "" {
		hook := netlink.AppendBigEndian32(nil, unix.NFTA_HOOK_HOOKNUM, c.Hook)
		hook = netlink.AppendBigEndian32(hook, unix.NFTA_HOOK_PRIORITY, uint32(c.Priority))
		if len(c.Devices) > 0 {
			hook = netlink.AppendAttribute(hook, unix.NLA_F_NESTED|nftaHookDevs, deviceList(c.Devices))
		}
		b = netlink.AppendAttribute(b, unix.NLA_F_NESTED|unix.NFTA_CHAIN_HOOK, hook)
		b = netlink.AppendBigEndian32(b, unix.NFTA_CHAIN_POLICY, c.Policy)
		b = netlink.AppendText(b, unix.NFTA_CHAIN_TYPE, c.Type)
	}
	if c.Flags != 0 {
		b = netlink.AppendBigEndian32(b, nftaChainFlags, c.Flags)
	}
	if c.Comment != "" {
		b = netlink.AppendAttribute(b, nftaChainUserdata, appendComment(nil, userdata.TypeComment, c.Comment))
	}
	return message{unix.NFT_MSG_NEWCHAIN, unix.NLM_F_CREATE | unix.NLM_F_EXCL, t.Family, netlink.AppendAttributes(b, c.rest), t.chainName(c), c}
}

func deviceList(devices []string) (list []byte) {
	for _, name := range devices {
		list = netlink.AppendText(list, nftaDeviceName, name)
	}
	return list
}

func (t *Table) delChain(c *Chain) message {
	b := netlink.AppendText(nil, unix.NFTA_CHAIN_TABLE, t.Name)
	return message{unix.NFT_MSG_DELCHAIN, 0, t.Family, netlink.AppendText(b, unix.NFTA_CHAIN_NAME, c.Name), t.chainName(c), nil}
}

func (t *Table) chainName(c *Chain) string {
	return fmt.Sprintf("chain %s %s", t.id(), printable.Line(c.Name))
}

// flushChain deletes all rules.
func (t *Table) flushChain(c *Chain) message {
	b := netlink.AppendText(nil, unix.NFTA_RULE_TABLE, t.Name)
	return message{unix.NFT_MSG_DELRULE, 0, t.Family, netlink.AppendText(b, unix.NFTA_RULE_CHAIN, c.Name), "rules of " + t.chainName(c), nil}
}

// newRule adds a rule before the rule with that handle; 0 means at the end.
func (t *Table) newRule(c *Chain, r *Rule, before uint64) message {
	b := netlink.AppendText(nil, unix.NFTA_RULE_TABLE, t.Name)
	if c.id != 0 {
		b = netlink.AppendBigEndian32(b, nftaRuleChainID, c.id)
	} else {
		b = netlink.AppendText(b, unix.NFTA_RULE_CHAIN, c.Name)
	}
	flags := uint16(unix.NLM_F_CREATE)
	if before != 0 {
		b = netlink.AppendBigEndian64(b, unix.NFTA_RULE_POSITION, before)
	} else {
		flags |= unix.NLM_F_APPEND
	}
	b = netlink.AppendAttribute(b, unix.NLA_F_NESTED|unix.NFTA_RULE_EXPRESSIONS, []byte(r.newExpressions()))
	if len(r.userdata) > 0 {
		b = netlink.AppendAttribute(b, unix.NFTA_RULE_USERDATA, r.userdata)
	} else if r.Comment != "" {
		b = netlink.AppendAttribute(b, unix.NFTA_RULE_USERDATA, appendComment(nil, userdata.TypeComment, r.Comment))
	}
	return message{unix.NFT_MSG_NEWRULE, flags, t.Family, netlink.AppendAttributes(b, r.rest), t.ruleName(c, r), r.original()}
}

func (t *Table) delRule(c *Chain, r *Rule) message {
	b := netlink.AppendText(nil, unix.NFTA_RULE_TABLE, t.Name)
	b = netlink.AppendText(b, unix.NFTA_RULE_CHAIN, c.Name)
	b = netlink.AppendBigEndian64(b, unix.NFTA_RULE_HANDLE, r.Handle)
	return message{unix.NFT_MSG_DELRULE, 0, t.Family, b, t.ruleName(c, r), nil}
}

func (t *Table) ruleName(c *Chain, r *Rule) string {
	return printable.Line(fmt.Sprintf("rule %s %s: %s", t.id(), c.Name, r.Text(t.Family)))
}

func (t *Table) newUnmanaged(s *Unmanaged) message {
	typ := uint16(unix.NFT_MSG_NEWOBJ)
	if s.Kind == flowtable {
		typ = unix.NFT_MSG_NEWFLOWTABLE
	}
	b := netlink.AppendText(nil, unix.NFTA_OBJ_TABLE, t.Name) // as NFTA_FLOWTABLE_TABLE
	return message{typ, unix.NLM_F_CREATE | unix.NLM_F_EXCL, t.Family, netlink.AppendAttributes(b, s.raw), t.unmanagedName(*s), s}
}

func (t *Table) delUnmanaged(s Unmanaged) message {
	if s.Kind == flowtable {
		b := netlink.AppendText(nil, nftaFlowtableTable, t.Name)
		return message{unix.NFT_MSG_DELFLOWTABLE, 0, t.Family, netlink.AppendText(b, nftaFlowtableName, s.Name), t.unmanagedName(s), nil}
	}
	b := netlink.AppendText(nil, unix.NFTA_OBJ_TABLE, t.Name)
	b = netlink.AppendText(b, unix.NFTA_OBJ_NAME, s.Name)
	return message{unix.NFT_MSG_DELOBJ, 0, t.Family, netlink.AppendBigEndian32(b, unix.NFTA_OBJ_TYPE, s.typ), t.unmanagedName(s), nil}
}

func (t *Table) unmanagedName(s Unmanaged) string {
	return fmt.Sprintf("%s %s %s", s.Kind, t.id(), printable.Line(s.Name))
}

// createAll returns the transaction that creates all tables of the ruleset.
func createAll(r *Ruleset) []message {
	var messages []message
	for _, t := range r.Tables {
		messages = append(messages, createTable(t)...)
	}
	return messages
}

func createTable(t *Table) []message {
	messages := []message{t.newTable()}
	for i := range t.Unmanaged {
		messages = append(messages, t.newUnmanaged(&t.Unmanaged[i]))
	}
	for _, c := range t.Chains {
		messages = append(messages, t.newChain(c))
	}
	return append(messages, createContents(t, t.Sets, t.Chains)...)
}

// createContents creates sets with their elements, then the rules of chains: rules refer to
// sets, and elements refer to chains.
func createContents(t *Table, sets []*Set, chains []*Chain) []message {
	var messages []message
	for _, s := range sets {
		messages = append(messages, t.newSet(s, setID(t, s)))
		messages = append(messages, t.newElements(s, s.Elements)...)
	}
	for _, c := range chains {
		for _, r := range c.Rules {
			messages = append(messages, t.createRule(c, r, 0)...)
		}
	}
	return messages
}

// setID returns a number for the set, unique in the transaction, as the kernel requires.
func setID(t *Table, s *Set) uint32 {
	return uint32(t.Family)<<24 | uint32(slices.Index(t.Sets, s)+1)
}
