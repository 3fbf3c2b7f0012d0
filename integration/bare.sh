# shellcheck shell=bash
# integration/run bare: a verb in a new, minimal installation of a suite, as a new user
# would run it. It keeps only the packages of the installation, and Go's downloads and
# build cache.

# Variables to pass into the installation. $LVSMARK_OUT and $LVSMARK_BIN are not passed:
# they are paths outside of it.
bare_variables=(TERM NO_COLOR CLICOLOR_FORCE CI http_proxy https_proxy no_proxy)
bare_go_variables=(GOPROXY GOSUMDB GONOPROXY GONOSUMDB GOPRIVATE GOINSECURE GOFLAGS GOTOOLCHAIN)

run_bare() {
	local suite=${1-} environment=()
	(($# >= 2)) || die 'bare: no suite or no verb; try integration/run bare trixie demo'
	suite_distribution "$suite" >/dev/null || exit
	[[ $2 != bare ]] || die 'bare: VERB must be another verb'
	find_go
	bare_environment
	((EUID == 0)) || exec sudo -H -- env "PATH=$PATH" "${environment[@]}" "$here/run" bare "$@"

	install_packages debootstrap
	PATH=$PATH:/usr/sbin:/sbin
	make_bare
	say "installing a minimal $suite"
	install_bare "$suite"
	say "in the installation: integration/run ${*:2}"
	in_namespaces "$here/enter" "$bare/root" "$repo" "$(go -C "$repo" env GOROOT)" "$(go env GOMODCACHE)" "$(go env GOCACHE)" \
		env -i HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${environment[@]}" \
		integration/run "${@:2}"
}

# bare_environment sets $environment to arguments for env.
bare_environment() {
	local name
	for name in "${bare_variables[@]}" "${!LVSMARK_@}"; do
		case $name in LVSMARK_OUT | LVSMARK_BIN) continue ;; esac
		[[ ! -v $name ]] || environment+=("$name=${!name}")
	done
	for name in "${bare_go_variables[@]}"; do
		environment+=("$name=$(go env "$name")")
	done
}

# make_bare creates a directory, $bare, that is removed when the script ends. It avoids
# tmpfs, which is too small.
make_bare() {
	local parent=${TMPDIR:-/var/tmp}
	[[ $(stat --file-system --format %T "$parent") != tmpfs ]] || parent=/var/tmp
	bare=$(mktemp -d -p "$parent" --suffix=.lvsmark-bare)
	inside=
	trap clean_up_bare EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
}

# clean_up_bare kills the processes in the namespaces, which removes their mounts. The
# last process may end a moment after the first, so it retries to remove the directory.
# shellcheck disable=SC2317 # the trap calls it
clean_up_bare() {
	[[ -z $inside ]] || kill -KILL "$inside" 2>/dev/null || true
	for _ in {1..50}; do
		rm -rf --one-file-system "$bare" 2>/dev/null && return
		sleep 0.2
	done
	say "could not remove $bare"
}

# in_namespaces runs its arguments in new mount and PID namespaces, so that no mount and
# no process remains.
in_namespaces() {
	local status=0
	setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --propagation private "$@" &
	inside=$!
	wait "$inside" || status=$?
	inside=
	return "$status"
}

# install_bare installs a suite in $bare/root. It passes the debootstrap script, because
# an older debootstrap does not know newer suites.
install_bare() {
	local suite=$1 distribution script mirror keyring packages
	distribution=$(suite_distribution "$suite")
	case $distribution in
	debian) script=sid ;;
	ubuntu) script=gutsy ;;
	esac
	mirror=$(archive_mirror "$distribution" "$suite")
	keyring=$(archive_keyring "$distribution")
	packages=$(suite_directory "$suite")/debootstrap
	mkdir -p "$packages" "$bare/root"
	if ! in_namespaces debootstrap --variant=minbase --include=ca-certificates --keyring="$keyring" \
		--components="$(suite_components "$suite" | tr ' ' ,)" --cache-dir="$packages" \
		"$suite" "$bare/root" "$mirror" "/usr/share/debootstrap/scripts/$script" >"$bare/log" 2>&1; then
		tail -n 20 "$bare/log" >&2
		die "debootstrap could not install $suite"
	fi
	chmod 755 "$bare/root"
	suite_sources "$suite" "$mirror" >"$bare/root/etc/apt/sources.list"
	# apt in the installation needs the same settings to reach the archive.
	apt-config dump | grep -E '^Acquire::(Check-Date|Check-Valid-Until|Retries|ForceIPv[46]|https?::Proxy) ' \
		>"$bare/root/etc/apt/apt.conf.d/50machine" || true
	cp -L /etc/resolv.conf /etc/hosts "$bare/root/etc/"
}
