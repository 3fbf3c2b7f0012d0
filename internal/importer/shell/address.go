package shell

import (
	"net/netip"
	"slices"
	"strings"
)

// addedAddress returns the address that a command adds to a device: `ip address add ADDRESS
// dev DEVICE` (ip-address(8)), or `ifconfig DEVICE ADDRESS` (ifconfig(8)), whose device can
// have an alias, as in eth0:1.
func addedAddress(program string, words []string) (address netip.Addr, device string, ok bool) {
	var text string
	switch program {
	case "ip":
		words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return strings.HasPrefix(w, "-") })
		at := slices.Index(words, "dev")
		if at < 2 || at+1 == len(words) || !strings.HasPrefix("address", words[0]) || !slices.Contains([]string{"add", "a", "replace"}, words[1]) {
			return address, "", false
		}
		device = words[at+1]
		words = slices.Delete(words, at, at+2)
		if len(words) < 3 {
			return address, "", false
		}
		text = words[2]
	case "ifconfig":
		words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "inet" || w == "inet6" || w == "add" })
		if len(words) < 2 {
			return address, "", false
		}
		device, text = words[0], words[1]
	}
	device, _, _ = strings.Cut(device, ":")
	text, _, _ = strings.Cut(text, "/")
	address, err := netip.ParseAddr(text)
	return address, device, err == nil
}
