// Package need checks a test's requirements on the machine. If one is missing, the
// test is skipped with the reason. `integration/run test` installs all programs
// first, so there a missing requirement is a failure:
//
//	LVSMARK_STRICT=1       a missing requirement, except IPVS, fails the test
//	LVSMARK_IPVS=required  a kernel without IPVS fails the test
//
// integration/run test runs all tests of a package that calls need.IPVS in the VM
// too, and those of internal/hostaddr.
package need

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Root requires the effective user root, for namespaces, nftables and IPVS.
func Root(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		missing(t, "needs root: run as root, or integration/run test")
	}
}

// Programs requires programs in PATH.
func Programs(t testing.TB, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			missing(t, fmt.Sprintf("needs the program %s: integration/run setup installs it", name))
		}
	}
}

// NFTables requires root and a kernel with nf_tables.
func NFTables(t testing.TB) {
	t.Helper()
	Root(t)
	conn, err := nftables.New()
	if err == nil {
		_, err = conn.GetGen()
	}
	if err != nil {
		missing(t, fmt.Sprintf("needs nf_tables in the kernel (module nf_tables, CONFIG_NF_TABLES): %v", err))
	}
}

// IPVS requires root and a kernel with IPVS. The request for its netlink family also
// loads the module.
func IPVS(t testing.TB) {
	t.Helper()
	Root(t)
	if err := familyOfIPVS(); err != nil {
		reason := fmt.Sprintf("needs IPVS in the kernel (module ip_vs, CONFIG_IP_VS): %v", err)
		if os.Getenv("LVSMARK_IPVS") == "required" {
			t.Fatal(reason)
		}
		t.Skip(reason)
	}
}

// HasIPVS reports whether the kernel has IPVS.
func HasIPVS() bool { return familyOfIPVS() == nil }

// familyOfIPVS asks for the generic netlink family. vishvananda/netlink reads two bytes behind
// its request: the race detector finds that now and then.
func familyOfIPVS() error {
	conn, err := netlink.Dial(unix.NETLINK_GENERIC, nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	name, err := netlink.MarshalAttributes([]netlink.Attribute{{Type: unix.CTRL_ATTR_FAMILY_NAME, Data: []byte("IPVS\x00")}})
	if err != nil {
		return err
	}
	_, err = conn.Execute(netlink.Message{
		Header: netlink.Header{Type: unix.GENL_ID_CTRL, Flags: netlink.Request},
		Data:   append([]byte{unix.CTRL_CMD_GETFAMILY, 1, 0, 0}, name...), // struct genlmsghdr
	})
	return err
}

// Kernel requires this version of Linux or a later one.
func Kernel(t testing.TB, major, minor int) {
	t.Helper()
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		t.Fatalf("uname: %v", err)
	}
	release := unix.ByteSliceToString(name.Release[:])
	if !atLeast(release, major, minor) {
		// Setup cannot install another kernel, so this is never a failure.
		t.Skipf("needs Linux %d.%d or later: this is %s", major, minor, release)
	}
}

// atLeast compares a release of uname(2), such as "6.1.0-56-amd64".
func atLeast(release string, major, minor int) bool {
	var haveMajor, haveMinor int
	if _, err := fmt.Sscanf(release, "%d.%d", &haveMajor, &haveMinor); err != nil {
		return false
	}
	return haveMajor > major || haveMajor == major && haveMinor >= minor
}

func missing(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("LVSMARK_STRICT") == "1" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}
