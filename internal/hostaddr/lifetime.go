package hostaddr

import (
	"math"
	"time"

	"golang.org/x/sys/unix"
)

// A Lifetime is the time until the kernel deletes an address, in nanoseconds; 0: the address
// is permanent.
type Lifetime time.Duration

const second = Lifetime(time.Second)

// String returns, for example, "9m58s".
func (l Lifetime) String() string { return time.Duration(l).String() }

// SetLifetime sets how long an address that Add added stays, rounded up to seconds; 0: it
// becomes permanent. It adds the address if the device does not have it. The error names
// the address.
func SetLifetime(address Address, lifetime Lifetime) error {
	answers := changeAll("change", []Address{address}, func(c *conn, _ []Address) []error {
		device, err := c.device(address.Device)
		if err != nil {
			return []error{withoutOpError(err)}
		}
		request := encodeAddress(device, address.IP, seconds(lifetime))
		request.Type, request.Flags = unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_REPLACE
		return c.execute(request)
	})
	return answers[0]
}

// seconds returns a lifetime as the kernel counts it.
func seconds(lifetime Lifetime) uint32 {
	if lifetime <= 0 {
		return forever
	}
	return uint32(min(math.Ceil(time.Duration(lifetime).Seconds()), forever-1))
}
