package page

// OnDirector returns the pages whose commands run on the director of a lab, with systemd, in this
// order: a drain waits for the persistence of clients of the pages before it.
func OnDirector() []string {
	return []string{"docs/operations.md", "README.md", "docs/doctor.md", "docs/probe.md"}
}

// OnAnyKernel returns the pages whose commands need no IPVS.
func OnAnyKernel() []string {
	return []string{"docs/marking.md", "docs/security.md", "docs/ecmp.md"}
}

// WithHosts returns the pages that have tests of their own, with other hosts.
func WithHosts() []string {
	return []string{"docs/tutorial.md", "docs/moving.md", "docs/troubleshooting.md"}
}
