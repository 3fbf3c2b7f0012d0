# shellcheck shell=bash
# integration/run release: the files of a release work.

# check_release DIRECTORY checks the .deb files with lintian, runs the arm64 binary, and
# installs, upgrades and removes the .rpm.
check_release() {
	install_packages qemu-user rpm busybox-static lintian
	check_deb "$1/"*.deb
	check_arm64 "$1/lvsmark_${version}_linux_arm64"
	check_rpm "$1/lvsmark-$version-1.x86_64.rpm"
}

# check_deb PACKAGE... fails on each remark of lintian that has no override.
check_deb() {
	local printed
	# lintian refuses root, unless it is told that this is meant
	printed=$(lintian --allow-root --display-info --fail-on error,warning,info "$@" 2>&1) ||
		die "release: lintian: $printed"
}

# check_arm64 BINARY runs it with qemu: its version, and the check of a spec.
check_arm64() {
	local printed
	install -m 755 "$1" "$work/arm64"
	printed=$(qemu-aarch64 "$work/arm64" version)
	[[ $printed == "lvsmark $version "*linux/arm64* ]] || die "release: the arm64 binary prints: $printed"
	qemu-aarch64 "$work/arm64" -c "$repo/packaging/example.yaml" check >/dev/null || die 'release: the arm64 binary refuses the example'
}

# check_rpm PACKAGE installs it in an empty root with a shell, where its scriptlets run.
check_rpm() {
	local root=$work/rpmroot printed
	local rpm=(rpm --root "$root" --nodeps)
	((EUID == 0)) || {
		say 'release: the .rpm is installed as root only: not checked'
		return
	}
	mkdir -p "$root/bin" "$root/dev"
	cp /bin/busybox "$root/bin/sh"
	: >"$root/dev/null"
	rpm --root "$root" --initdb
	printed=$("${rpm[@]}" -i "$1" 2>/dev/null) || die 'release: rpm -i failed'
	[[ $printed == *'write a spec'* ]] || die "release: rpm -i prints: $printed"
	"${rpm[@]}" -V lvsmark || die 'release: rpm -V finds differences'
	: >"$root/etc/lvsmark/lvsmark.yaml"
	printed=$("${rpm[@]}" -U --force "$1" 2>/dev/null) || die 'release: rpm -U failed'
	[[ -z $printed ]] || die "release: rpm -U prints: $printed"
	printed=$("${rpm[@]}" -e lvsmark 2>/dev/null) || die 'release: rpm -e failed'
	[[ $printed == *'stay in the kernel'* ]] || die "release: rpm -e prints: $printed"
	[[ ! -e $root/usr/bin/lvsmark && -e $root/etc/lvsmark/lvsmark.yaml ]] || die 'release: rpm -e leaves the program, or removes the spec'
}
