# shellcheck shell=bash
# The guest's kernel: the distribution's own, unpacked into the cache and never
# installed.

# kernel_directory prints a directory that holds boot/ and lib/modules/ of a
# kernel with IPVS, and fetches it where there is none yet.
kernel_directory() {
	local cache=${XDG_CACHE_HOME:-$HOME/.cache}/lvsmark found
	found=$(find "$cache" -mindepth 1 -maxdepth 1 -name 'linux-image-*' 2>/dev/null | sort --version-sort | tail -n 1)
	if [[ -z $found ]]; then
		found=$cache/$(kernel_package) || return
		fetch_kernel "$found"
	fi
	echo "$found"
}

# kernel_package prints the package that the distribution's current kernel is
# in. The cloud flavours have no 9p and do not serve.
kernel_package() {
	local distribution meta package
	# shellcheck source=/dev/null
	distribution=$(. /etc/os-release && echo "$ID ${ID_LIKE-}")
	case " $distribution " in
	*' ubuntu '*) meta=linux-image-generic ;;
	*' debian '*) meta=linux-image-$(dpkg --print-architecture) ;;
	*) die "no kernel for the VM: ${distribution% *} is neither Debian nor Ubuntu" ;;
	esac
	apt-cache show "$meta" >/dev/null 2>&1 || as_root apt-get -qq update >&2
	package=$(apt-cache depends "$meta" | sed -n 's/^ *Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1)
	[[ $package ]] || die "no kernel for the VM: apt knows no $meta; is main in the apt sources?"
	echo "$package"
}

# fetch_kernel unpacks the package that its argument, a directory, is named for.
fetch_kernel() {
	local directory=$1 package=${1##*/} packages work version
	packages=("$package")
	version=${package#linux-image-}
	version=${version#unsigned-}
	for package in "linux-modules-$version" "linux-modules-extra-$version"; do # Ubuntu's
		apt-cache show "$package" >/dev/null 2>&1 && packages+=("$package")
	done

	say "fetching ${packages[*]} (about 100 MB, once)"
	mkdir -p "${directory%/*}"
	work=$(mktemp -d -p "${directory%/*}")
	(
		trap 'rm -rf "$work"' EXIT
		trap 'exit 130' INT TERM
		cd "$work" || exit
		# A machine's package lists may be older than the archive.
		download_packages "${packages[@]}" || { as_root apt-get -qq update >&2 && download_packages "${packages[@]}"; } ||
			die "apt-get could not download ${packages[*]}"
		for package in ./*.deb; do
			dpkg -x "$package" tree
		done
		# Whether modules are in /lib or /usr/lib differs between kernel packages, and
		# between those who look for them.
		[[ -d tree/lib/modules ]] || { mkdir -p tree/lib && mv tree/usr/lib/modules tree/lib/modules; }
		rm -rf tree/usr
		mkdir tree/usr
		ln -s ../lib tree/usr/lib
		/sbin/depmod -b tree "$version"
		chmod 644 tree/boot/vmlinuz-*
		mv --no-target-directory tree "$directory" 2>/dev/null || [[ -d $directory ]] # another run was quicker
	)
}

# download_packages puts the .deb files of its arguments into the working
# directory.
download_packages() {
	apt-get -qq -o APT::Sandbox::User=root download "$@" </dev/null >&2 2>/dev/null
}
