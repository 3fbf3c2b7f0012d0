# shellcheck shell=bash
# proftpd and pure-ftpd for the tests. Their packages conflict with that of vsftpd, so they
# are unpacked into the cache.

# unpack_ftp_servers adds a directory with proftpd and pure-ftpd to PATH.
unpack_ftp_servers() {
	local directory
	directory=$(cache_directory)/ftp-servers
	[[ -d $directory ]] || fetch_ftp_servers "$directory" || die 'proftpd and pure-ftpd cannot be unpacked'
	export PATH=$directory/usr/sbin:$PATH
}

# fetch_ftp_servers unpacks the packages and the libraries that the machine does not have:
# fetch_ftp_servers DIRECTORY
fetch_ftp_servers() {
	local directory=$1 servers=(proftpd-core proftpd-mod-crypto pure-ftpd) libraries work
	mapfile -t libraries < <(apt-cache depends --recurse --important "${servers[@]}" | grep '^lib' | sort -u)
	mapfile -t libraries < <(missing_packages "${libraries[@]}")
	say "fetching ${servers[*]} and ${#libraries[@]} libraries"
	mkdir --parents "${directory%/*}"
	work=$(mktemp -d -p "${directory%/*}")
	(
		trap 'rm -rf "$work"' EXIT
		trap 'exit 130' INT TERM
		cd "$work" || exit
		mkdir tree
		suite_download '' "${servers[@]}" "${libraries[@]}"
		for package in ./*.deb; do
			dpkg -x "$package" tree || die "cannot unpack $package"
		done
		for program in proftpd pure-ftpd; do
			write_ftp_server "tree/usr/sbin/$program"
		done
		mv --no-target-directory tree "$directory" 2>/dev/null || [[ -d $directory ]] # another run created it meanwhile
	)
}

# write_ftp_server replaces a program by a script that sets its library path.
write_ftp_server() {
	mv "$1" "$1.real"
	cat >"$1" <<-'END'
		#!/bin/sh
		libraries=$(echo "${0%/*}"/../lib/*-linux-gnu)
		LD_LIBRARY_PATH=$libraries exec "$0.real" "$@"
	END
	chmod 755 "$1"
}
