package hostaddr

import (
	"bytes"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// AddUnmarked adds an address without a protocol, as a kernel that does not store it.
func AddUnmarked(address Address) error {
	c, err := dial()
	if err != nil {
		return err
	}
	defer c.Close()
	request, err := c.encode(address)
	if err != nil {
		return err
	}
	request.Data = bytes.ReplaceAll(request.Data, netlink.AppendUint8(nil, ifaProto, Protocol), nil)
	return c.addMarked(request, address.IP.Is4())
}

// HasNoTable is hasNoTable, for tests.
var HasNoTable = hasNoTable
