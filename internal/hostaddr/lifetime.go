package hostaddr

import (
	"math"
	"time"

	"golang.org/x/sys/unix"
)

// SetLifetime sets how long an address that Add added stays, rounded up to seconds; 0: it
// becomes permanent. It adds the address if the device does not have it. The error names
// the address.
func SetLifetime(address Address, lifetime time.Duration) error {
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
func seconds(lifetime time.Duration) uint32 {
	if lifetime <= 0 {
		return forever
	}
	return uint32(min(math.Ceil(lifetime.Seconds()), forever-1))
}
