# shellcheck shell=bash
# integration/run nft-versions: the tests with the nft of other suites, on this kernel.

nft_suites=(bullseye bookworm noble trixie sid) # 0.9.8, 1.0.6, 1.0.9, 1.1.3, 1.1.7

# The tests expect the listings of nft 1.0.6 and later. An older nft must only list
# lvsmark's tables and load that list again.
nft_full_version=1.0.6
nft_packages=(./...)
nft_packages_old=(./integration/versions)

run_nft_versions() {
	local suite status=0
	(($#)) || set -- "${nft_suites[@]}"
	for suite; do
		suite_distribution "$suite" >/dev/null || exit
	done
	install_packages "${lab_packages[@]}"
	unpack_ftp_servers
	find_go
	make_work
	cd "$repo"
	build_programs ./integration/tally
	export LVSMARK_STRICT=1

	nft_row suite nft passed failed skipped result
	for suite; do
		test_nft "$suite" || status=1
	done
	cat "$work/table"
	exit "$status"
}

# test_nft runs the tests with the nft of a suite first in PATH.
test_nft() {
	local suite=$1 directory version packages=("${nft_packages[@]}") passed failed skipped problems
	if ! directory=$(nft_directory "$suite") || ! version=$("$directory/bin/nft" --version); then
		nft_row "$suite" - - - - 'error: no nft'
		return 1
	fi
	say "$suite: $version"
	version=$(sed -n 's/^nftables v\([^ ]*\).*/\1/p' <<<"$version")
	! dpkg --compare-versions "$version" lt "$nft_full_version" || packages=("${nft_packages_old[@]}")

	CGO_ENABLED=0 PATH=$directory/bin:$PATH test_natively "$suite" "${packages[@]}"
	read_counts "$suite"
	problems=$(problems_of "$suite" | paste -sd ';')
	((failed == 0)) || problems="tests failed${problems:+; $problems}"
	nft_row "$suite" "$version" "$passed" "$failed" "$skipped" "${problems:-ok}"
	[[ -z $problems ]]
}

nft_row() { printf '%-10s %-8s %7s %7s %8s  %s\n' "$@" >>"$work/table"; }

# nft_directory prints a directory with the nft of a suite in bin/, and fetches it if
# necessary.
nft_directory() {
	local suite=$1 version directory
	suite_open "$suite" || return
	version=$(suite_apt "$suite" apt-cache policy nftables | sed -n 's/^ *Candidate: //p')
	directory=$(suite_directory "$suite")/nft-$version
	[[ -d $directory ]] || fetch_nft "$suite" "$directory" || return
	echo "$directory"
}

# fetch_nft unpacks nftables and all its dependencies, libc included, into one
# directory: fetch_nft SUITE DIRECTORY
fetch_nft() {
	local suite=$1 directory=$2 packages work
	mapfile -t packages < <(suite_apt "$suite" apt-cache depends --recurse --important nftables | grep '^[a-z0-9]' | sort -u)
	say "fetching nftables of $suite and its dependencies: ${#packages[@]} packages"
	work=$(mktemp -d -p "${directory%/*}")
	(
		trap 'rm -rf "$work"' EXIT
		trap 'exit 130' INT TERM
		cd "$work" || exit
		mkdir --parents tree/root
		suite_download "$suite" "${packages[@]}"
		for package in ./*.deb; do
			dpkg -x "$package" tree/root || die "cannot unpack $package"
		done
		write_nft tree
		mv --no-target-directory tree "$directory" 2>/dev/null || [[ -d $directory ]] # another run created it meanwhile
	)
}

# write_nft writes bin/nft in a directory. It runs root/usr/sbin/nft with the dynamic
# linker and the libraries in root/.
write_nft() {
	local linker libraries
	linker=$(cd "$1/root" && find lib usr/lib -path '*-linux-gnu*/ld-linux*' -print -quit 2>/dev/null)
	[[ $linker ]] || die 'no dynamic linker in the packages'
	libraries=$(basename "${linker%/*}")
	mkdir "$1/bin"
	cat >"$1/bin/nft" <<-END
		#!/bin/sh
		root=\${0%/*}/../root
		exec "\$root/$linker" --library-path "\$root/lib/$libraries:\$root/usr/lib/$libraries" "\$root/usr/sbin/nft" "\$@"
	END
	chmod 755 "$1/bin/nft"
}
