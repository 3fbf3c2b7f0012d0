package ipvs

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestConstants compares the constants with their place in the enumerations of
// linux/ip_vs.h, which begin with an unspecified value.
func TestConstants(t *testing.T) {
	for enum, constants := range map[string][]int{
		"NEW_SERVICE SET_SERVICE DEL_SERVICE GET_SERVICE NEW_DEST SET_DEST DEL_DEST GET_DEST NEW_DAEMON DEL_DAEMON GET_DAEMON SET_CONFIG GET_CONFIG": {
			cmdNewService, cmdSetService, cmdDelService, cmdGetService, cmdNewDest, cmdSetDest, cmdDelDest, cmdGetDest,
			cmdNewDaemon, cmdDelDaemon, cmdGetDaemon, cmdSetConfig, cmdGetConfig,
		},
		"SERVICE DEST DAEMON TIMEOUT_TCP TIMEOUT_TCP_FIN TIMEOUT_UDP": {
			attrService, attrDest, attrDaemon, attrTimeoutTCP, attrTimeoutTCPFin, attrTimeoutUDP,
		},
		"AF PROTOCOL ADDR PORT FWMARK SCHED_NAME FLAGS TIMEOUT NETMASK STATS PE_NAME STATS64": {
			serviceAF, serviceProtocol, serviceAddress, servicePort, serviceMark, serviceScheduler, serviceFlags,
			serviceTimeout, serviceNetmask, serviceStats, servicePE, serviceStats64,
		},
		"ADDR PORT FWD_METHOD WEIGHT U_THRESH L_THRESH ACTIVE_CONNS INACT_CONNS PERSIST_CONNS STATS ADDR_FAMILY STATS64 TUN_TYPE TUN_PORT TUN_FLAGS": {
			destAddress, destPort, destForwarding, destWeight, destUpperThreshold, destLowerThreshold, destActiveConns, destInactiveConns,
			destPersistentConns, destStats, destAddressFamily, destStats64, destTunnelType, destTunnelPort, destTunnelFlags,
		},
		"STATE MCAST_IFN SYNC_ID SYNC_MAXLEN MCAST_GROUP MCAST_GROUP6 MCAST_PORT MCAST_TTL": {
			daemonState, daemonDevice, daemonID, daemonMaxLen, daemonGroup, daemonGroup6, daemonPort, daemonTTL,
		},
		"STATE_MASTER STATE_BACKUP": {int(Master), int(Backup)},
	} {
		for i, name := range strings.Fields(enum) {
			assert.Equal(t, i+1, constants[i], name)
		}
	}
}
