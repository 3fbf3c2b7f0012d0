# shellcheck shell=bash
# integration/run package-boot: the .deb in a new installation, booted with systemd.

# Packages of a director, besides those of debootstrap's minbase.
director_packages=(systemd-sysv dbus init-system-helpers nftables ipvsadm iproute2 kmod)

# run_package_boot [SUITE] installs a minimal SUITE (trixie) and the package, and runs
# vm/package on a kernel with IPVS.
run_package_boot() {
	local suite=${1:-trixie} version epoch package upgrade
	((EUID == 0)) || exec sudo -H -- env "PATH=$PATH" "$here/run" package-boot "$@"
	install_packages debootstrap git gzip tar xz-utils
	find_go
	PATH=$PATH:/usr/sbin:/sbin
	make_bare
	work=$bare
	release_architectures=("$(dpkg --print-architecture)")
	epoch=$(git -C "$repo" log -1 --format=%ct)
	copy_sources "$work/source"
	build_nfpm
	version=$(<"$repo/packaging/version")
	build_release "$work/source" "$work/release"
	package=$(find "$work/release" -name '*.deb')
	version+=+upgrade
	build_release "$work/source" "$work/upgrade"
	upgrade=$(find "$work/upgrade" -name '*.deb')

	say "installing a minimal $suite"
	install_bare "$suite"
	in_namespaces "$here/vm/director" "$bare/root" "$package" "${director_packages[@]}"
	say "booting $suite with the package"
	choose_kernel
	"${on_kernel[@]}" "$here/vm/package" "$bare/root" "$upgrade"
}
