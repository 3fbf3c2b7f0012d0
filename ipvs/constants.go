package ipvs

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
)

// Generic netlink family of IPVS, from linux/ip_vs.h; missing in golang.org/x/sys/unix.
// moby/ipvs exports the forwarding methods only, and would add logrus and
// vishvananda/netlink to the program. A test compares the methods.
const (
	familyName    = "IPVS" // IPVS_GENL_NAME
	familyVersion = 1      // IPVS_GENL_VERSION

	cmdNewService = 1 // IPVS_CMD_*
	cmdSetService = 2
	cmdDelService = 3
	cmdGetService = 4
	cmdNewDest    = 5
	cmdSetDest    = 6
	cmdDelDest    = 7
	cmdGetDest    = 8
	cmdNewDaemon  = 9
	cmdDelDaemon  = 10
	cmdGetDaemon  = 11
	cmdSetConfig  = 12
	cmdGetConfig  = 13

	attrService       = 1 // IPVS_CMD_ATTR_*
	attrDest          = 2
	attrDaemon        = 3
	attrTimeoutTCP    = 4
	attrTimeoutTCPFin = 5
	attrTimeoutUDP    = 6

	serviceAF        = 1 // IPVS_SVC_ATTR_*
	serviceProtocol  = 2
	serviceAddress   = 3
	servicePort      = 4
	serviceMark      = 5
	serviceScheduler = 6
	serviceFlags     = 7
	serviceTimeout   = 8
	serviceNetmask   = 9
	serviceStats     = 10
	servicePE        = 11
	serviceStats64   = 12

	destAddress         = 1 // IPVS_DEST_ATTR_*
	destPort            = 2
	destForwarding      = 3
	destWeight          = 4
	destUpperThreshold  = 5
	destLowerThreshold  = 6
	destActiveConns     = 7
	destInactiveConns   = 8
	destPersistentConns = 9
	destStats           = 10
	destAddressFamily   = 11
	destStats64         = 12
	destTunnelType      = 13
	destTunnelPort      = 14
	destTunnelFlags     = 15

	daemonState  = 1 // IPVS_DAEMON_ATTR_*
	daemonDevice = 2
	daemonID     = 3
	daemonMaxLen = 4
	daemonGroup  = 5
	daemonGroup6 = 6
	daemonPort   = 7
	daemonTTL    = 8
)

// Service flags. SHFallback and SHPort are flags of the schedulers sh and mh; other
// schedulers use the same bits for other flags.
const (
	flagPersistent = 0x1  // IP_VS_SVC_F_PERSISTENT
	flagHashed     = 0x2  // IP_VS_SVC_F_HASHED: set by the kernel
	OnePacket      = 0x4  // IP_VS_SVC_F_ONEPACKET
	SHFallback     = 0x8  // IP_VS_SVC_F_SCHED1
	SHPort         = 0x10 // IP_VS_SVC_F_SCHED2

	schedulerFlagsMask = 0x38 // IP_VS_SVC_F_SCHED_MASK
)

// Forwarding methods: IP_VS_CONN_F_*.
const (
	methodMasquerade = 0
	methodLocalNode  = 1
	methodTunnel     = 2
	methodDirect     = 3
	methodBypass     = 4
	methodMask       = 7 // IP_VS_CONN_F_FWD_MASK
)

// Tunnel types: IP_VS_CONN_F_TUNNEL_TYPE_*.
const (
	tunnelIPIP = 0
	tunnelGUE  = 1
	tunnelGRE  = 2
)

// Tunnel flags: IP_VS_TUNNEL_ENCAP_FLAG_*.
const (
	tunnelChecksum       = 1
	tunnelRemoteChecksum = 2
)

func familyToKernel(f config.Family) uint16 {
	if f == config.IPv4 {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

func familyFromKernel(af uint16) (config.Family, error) {
	switch af {
	case unix.AF_INET:
		return config.IPv4, nil
	case unix.AF_INET6:
		return config.IPv6, nil
	}
	return 0, fmt.Errorf("address family %d is neither IPv4 nor IPv6", af)
}
