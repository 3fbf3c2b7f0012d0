package host

import (
	"net"

	"golang.org/x/sys/unix"
)

func readDevices() ([]Device, error) {
	list, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	devices := make([]Device, len(list))
	for i, d := range list {
		devices[i] = Device{
			Name: d.Name, Index: d.Index, MTU: d.MTU, Up: d.Flags&net.FlagUp != 0, Running: d.Flags&net.FlagRunning != 0, Loopback: d.Flags&net.FlagLoopback != 0,
			Type: deviceType(d.Name), MAC: d.HardwareAddr.String(),
		}
	}
	return devices, nil
}

// deviceType asks for the type of a device by SIOCGIFHWADDR, netdevice(7): sysfs has the
// devices of the namespace that mounted it. 0: not known.
func deviceType(name string) uint16 {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq(name)
	if err != nil || unix.IoctlIfreq(fd, unix.SIOCGIFHWADDR, request) != nil {
		return 0
	}
	return request.Uint16() // sa_family of ifr_hwaddr
}
