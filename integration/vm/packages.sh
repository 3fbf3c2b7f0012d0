# shellcheck shell=bash
# Installs missing packages with apt.

# vm_packages prints the packages that a guest needs.
vm_packages() {
	case $(dpkg --print-architecture) in
	amd64) echo qemu-system-x86 ;;
	arm64) echo qemu-system-arm ipxe-qemu ;;
	*) die "no VM for $(dpkg --print-architecture): amd64 and arm64 are supported" ;;
	esac
	echo busybox-static cpio kmod xz-utils zstd
}

# missing_packages prints the arguments that are not installed.
missing_packages() {
	local package
	for package; do
		[[ $(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
			echo "$package"
	done
}

# install_packages installs missing packages, without starting their daemons, now or at
# boot.
install_packages() {
	local missing package
	command -v dpkg-query >/dev/null || die 'needs Debian or Ubuntu: dpkg-query is missing'
	mapfile -t missing < <(missing_packages "$@")
	((${#missing[@]})) || return 0

	((EUID == 0)) || command -v sudo >/dev/null ||
		die "needs root or sudo: run as root: apt-get install ${missing[*]}"

	say "installing ${missing[*]}"
	without_daemons apt_install "${missing[@]}" || die "apt-get could not install ${missing[*]}"
	for package in "${missing[@]}"; do
		case $package in
		vsftpd | keepalived) as_root update-rc.d "$package" disable >/dev/null ;;
		esac
	done
}

# apt_install runs apt-get install. If that fails, it updates the package lists and
# tries again.
apt_install() {
	local apt=(apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300)
	apt_install_once "$@" 2>/dev/null || {
		as_root "${apt[@]}" update </dev/null >&2
		apt_install_once "$@"
	}
}

apt_install_once() {
	as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
		"${apt[@]}" install --yes --no-install-recommends "$@" </dev/null >&2
}

# without_daemons runs its arguments while /usr/sbin/policy-rc.d forbids packages to
# start their daemons. It keeps an existing policy-rc.d.
without_daemons() (
	policy=/usr/sbin/policy-rc.d
	if [[ -e $policy ]]; then
		"$@"
		return
	fi
	trap 'as_root rm -f "$policy"' EXIT
	trap 'exit 130' INT TERM HUP
	printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
	as_root chmod 755 "$policy"
	"$@"
)

# as_root runs its arguments as root.
as_root() {
	if ((EUID == 0)); then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo -- "$@"
	else
		die "needs root or sudo: run as root: $*"
	fi
}
