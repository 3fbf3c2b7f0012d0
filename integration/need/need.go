// Package need says what a test needs of the machine. Where that is missing,
// the test is skipped with the reason; `integration/run test` has installed
// what there is to install, so it turns the same into a failure:
//
//	LVSMARK_STRICT=1       whatever is missing, but for IPVS, fails the test
//	LVSMARK_IPVS=required  a kernel without IPVS fails the test
//
// A package in which a test calls need.IPVS also runs in the VM, all of it. So does
// internal/hostaddr.
package need

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Root needs the effective user to be root: of namespaces, nftables and IPVS.
func Root(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		missing(t, "needs root: run as root, or integration/run test")
	}
}

// Programs needs programs of these names in PATH.
func Programs(t testing.TB, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			missing(t, fmt.Sprintf("needs the program %s: integration/run setup installs it", name))
		}
	}
}

// NFTables needs root, and a kernel with nf_tables.
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

// IPVS needs root, and a kernel with IPVS. Asking for its netlink family also
// loads the module.
func IPVS(t testing.TB) {
	t.Helper()
	Root(t)
	if _, err := netlink.GenlFamilyGet("IPVS"); err != nil {
		reason := fmt.Sprintf("needs IPVS in the kernel (module ip_vs, CONFIG_IP_VS): %v", err)
		if os.Getenv("LVSMARK_IPVS") == "required" {
			t.Fatal(reason)
		}
		t.Skip(reason)
	}
}

// Kernel needs Linux of this version or a later one.
func Kernel(t testing.TB, major, minor int) {
	t.Helper()
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		t.Fatalf("uname: %v", err)
	}
	release := unix.ByteSliceToString(name.Release[:])
	if !atLeast(release, major, minor) {
		// No installation brings another kernel, so this is never a failure.
		t.Skipf("needs Linux %d.%d or later: this is %s", major, minor, release)
	}
}

// atLeast reads a release as uname(2) gives it: "6.1.0-56-amd64".
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
