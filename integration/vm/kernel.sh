# shellcheck shell=bash
# The guest's kernel: the distribution's own, or that of $LVSMARK_VM_SUITE,
# unpacked into the cache and never installed.

# kernel_directory prints a directory with boot/ and lib/modules/ of a kernel with IPVS,
# and fetches it if necessary. It fetches the distribution's own kernel once, and that
# of a suite for each new version in the package lists.
kernel_directory() {
	local suite=${LVSMARK_VM_SUITE-} kept package
	if [[ $suite ]]; then
		suite_open "$suite" || return
		kept=$(suite_directory "$suite")
	else
		kept=$(cache_directory)
		package=$(find "$kept" -mindepth 1 -maxdepth 1 -name 'linux-image-*' -printf '%f\n' 2>/dev/null | sort --version-sort | tail -n 1)
	fi
	[[ ${package-} ]] || package=$(kernel_package "$suite") || return
	[[ -d $kept/$package ]] || fetch_kernel "$suite" "$kept/$package" || return
	echo "$kept/$package"
}

# kernel_package prints the package of a suite's current kernel. The cloud flavours
# cannot be used, because they have no 9p.
kernel_package() {
	local suite=$1 meta package
	case $(kernel_distribution "$suite") in
	ubuntu) meta=linux-image-generic ;;
	debian) meta=linux-image-$(dpkg --print-architecture) ;;
	*) die 'no kernel for the VM: this is neither Debian nor Ubuntu' ;;
	esac
	suite_apt "$suite" apt-cache show "$meta" >/dev/null 2>&1 || suite_update "$suite"
	package=$(suite_apt "$suite" apt-cache depends "$meta" | sed -n 's/^ *Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1)
	[[ $package ]] || die "no kernel for the VM: apt knows no $meta${suite:+ in $suite}; is main in the apt sources?"
	echo "$package"
}

# kernel_distribution prints the distribution of a suite, or the machine's.
kernel_distribution() {
	local ID='' ID_LIKE=''
	if [[ $1 ]]; then
		suite_distribution "$1"
		return
	fi
	# shellcheck source=/dev/null
	. /etc/os-release
	case " $ID $ID_LIKE " in
	*' ubuntu '*) echo ubuntu ;;
	*' debian '*) echo debian ;;
	esac
}

# kernel_packages prints the packages of an image package's kernel. From Debian 14 on,
# linux-image is empty: linux-binary has the kernel, linux-modules the modules, and
# linux-base the lists of built-in modules. Ubuntu has the kernel in linux-image, and
# the modules in other packages.
kernel_packages() {
	local suite=$1 image=$2 version=$3 part
	echo "$image"
	for part in base binary modules modules-extra; do
		! suite_apt "$suite" apt-cache show "linux-$part-$version" >/dev/null 2>&1 || echo "linux-$part-$version"
	done
}

# fetch_kernel unpacks the package that has the name of the directory:
# fetch_kernel SUITE DIRECTORY
fetch_kernel() {
	local suite=$1 directory=$2 image=${2##*/} packages work version
	version=${image#linux-image-}
	version=${version#unsigned-}
	mapfile -t packages < <(kernel_packages "$suite" "$image" "$version")

	say "fetching ${packages[*]} (about 100 MB, once)"
	mkdir -p "${directory%/*}"
	work=$(mktemp -d -p "${directory%/*}")
	(
		trap 'rm -rf "$work"' EXIT
		trap 'exit 130' INT TERM
		cd "$work" || exit
		suite_download "$suite" "${packages[@]}"
		for package in ./*.deb; do
			dpkg -x "$package" tree || die "cannot unpack $package"
		done
		arrange_kernel tree "$version"
		mv --no-target-directory tree "$directory" 2>/dev/null || [[ -d $directory ]] # another run created it meanwhile
	)
}

# arrange_kernel moves the kernel and its modules to standard paths. Kernel packages
# differ: the modules are in /lib or /usr/lib, the kernel is in /boot or with the
# modules.
arrange_kernel() {
	local tree=$1 version=$2
	[[ -d $tree/lib/modules ]] || { mkdir -p "$tree/lib" && mv "$tree/usr/lib/modules" "$tree/lib/modules"; }
	if [[ ! -e $tree/boot/vmlinuz-$version ]]; then
		mkdir -p "$tree/boot"
		mv "$tree/lib/modules/$version/vmlinuz" "$tree/boot/vmlinuz-$version" || die "no kernel in the packages of $version"
	fi
	rm -rf "${tree:?}/usr"
	mkdir "$tree/usr"
	ln -s ../lib "$tree/usr/lib"
	/sbin/depmod -b "$tree" "$version"
	chmod 644 "$tree/boot/vmlinuz-$version"
}
