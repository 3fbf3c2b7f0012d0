# shellcheck shell=bash
# What is installed with apt, and only where it is missing.

# vm_packages prints what a guest is made of.
vm_packages() {
	case $(dpkg --print-architecture) in
	amd64) echo qemu-system-x86 ;;
	arm64) echo qemu-system-arm ipxe-qemu ;;
	*) die "no VM for $(dpkg --print-architecture): amd64 and arm64 are supported" ;;
	esac
	echo busybox-static cpio kmod xz-utils zstd
}

# missing_packages prints those of its arguments that are not installed.
missing_packages() {
	local package
	for package; do
		[[ $(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
			echo "$package"
	done
}

# install_packages installs those of its arguments that are not installed, and
# leaves no daemon of theirs running, now or after a boot.
install_packages() {
	local missing package
	command -v dpkg-query >/dev/null || die 'this needs Debian or Ubuntu: no dpkg-query here'
	mapfile -t missing < <(missing_packages "$@")
	((${#missing[@]})) || return 0

	((EUID == 0)) || command -v sudo >/dev/null ||
		die "not root, and no sudo here: run as root: apt-get install ${missing[*]}"

	say "installing ${missing[*]}"
	without_daemons apt_install "${missing[@]}" || die "apt-get could not install ${missing[*]}"
	for package in "${missing[@]}"; do
		case $package in
		vsftpd) as_root update-rc.d "$package" disable >/dev/null ;;
		esac
	done
}

# apt_install runs apt-get install, and once more with fresh lists where the
# first try does not find a package.
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

# without_daemons runs its arguments while /usr/sbin/policy-rc.d forbids
# packages to start their daemons. One that is there already stays as it is.
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
		die "not root, and no sudo here: run as root: $*"
	fi
}
