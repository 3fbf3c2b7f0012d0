package netlink

import (
	"golang.org/x/sys/unix"
)

// GenericHeaderLen is the length in bytes of struct genlmsghdr.
const GenericHeaderLen = unix.GENL_HDRLEN

// GenericHeader is struct genlmsghdr (linux/genetlink.h): the command, the version of
// the family and two bytes that are 0.
func GenericHeader(command, version uint8) []byte { return []byte{command, version, 0, 0} }

// Family returns the number of a generic netlink family, which is the type of its
// messages. The kernel loads the module of the family if it can. If there is no such
// family, the error wraps ENOENT. GetFamily of mdlayher/genetlink is not used: it starts
// goroutines, see the package documentation.
func (c *Conn) Family(name string) (id uint16, err error) {
	request := Request{
		Type:   unix.GENL_ID_CTRL,
		Header: GenericHeader(unix.CTRL_CMD_GETFAMILY, 1),
		Data:   AppendText(nil, unix.CTRL_ATTR_FAMILY_NAME, name),
	}
	for m, err := range c.Query(request) {
		if err != nil {
			return 0, err
		}
		attributes, err := m.Attributes(GenericHeaderLen)
		if err != nil {
			return 0, err
		}
		d := Decode(attributes)
		for d.Next() {
			if d.Type() == unix.CTRL_ATTR_FAMILY_ID {
				id = d.Uint16()
			}
		}
		if err := d.Err(); err != nil {
			return 0, err
		}
	}
	if id == 0 {
		return 0, ErrMalformed
	}
	return id, nil
}
