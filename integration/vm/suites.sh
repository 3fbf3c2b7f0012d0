# shellcheck shell=bash
# Packages of other suites of Debian and Ubuntu. Each suite has its own apt
# configuration in the cache; the machine's sources, lists and packages are unchanged.
# The suite '' means the machine's own apt.

suites_help='bullseye bookworm trixie forky sid (Debian), noble resolute (Ubuntu)'

# cache_directory prints the directory of all files that integration/run keeps.
cache_directory() { echo "${XDG_CACHE_HOME:-$HOME/.cache}/lvsmark"; }

# suite_directory prints the directory of a suite in the cache.
suite_directory() { echo "$(cache_directory)/suites/$1"; }

# suite_distribution prints the distribution that a suite belongs to.
suite_distribution() {
	case $1 in
	bullseye | bookworm | trixie | forky | sid) echo debian ;;
	noble | resolute) echo ubuntu ;;
	*) die "unknown suite $1; known: $suites_help" ;;
	esac
}

suite_components() {
	case $(suite_distribution "$1") in
	debian) echo main ;;
	ubuntu) echo main universe ;;
	esac
}

# suite_pockets prints a suite and, on Ubuntu, its updates: without them, noble has its
# first kernel, 6.8.0-31, which crashes in ip_vs.
suite_pockets() {
	case $(suite_distribution "$1") in
	debian) echo "$1" ;;
	ubuntu) echo "$1 $1-updates" ;;
	esac
}

# suite_sources prints the lines of a sources.list: suite_sources SUITE MIRROR
# [OPTIONS]
suite_sources() {
	local pocket
	for pocket in $(suite_pockets "$1"); do
		echo "deb ${3:+[$3] }$2 $pocket $(suite_components "$1")"
	done
}

# suite_apt runs an apt tool for a suite: suite_apt SUITE TOOL [ARG…]
suite_apt() {
	local tool=$2 configuration=()
	[[ -z $1 ]] || configuration=(-c "$(suite_directory "$1")/apt.conf")
	"$tool" "${configuration[@]}" "${@:3}"
}

# suite_open writes the apt configuration of a suite, and updates package lists that are
# older than a day. If the archive is not reachable, it uses the old lists.
suite_open() {
	local directory
	[[ $1 ]] || return 0
	directory=$(suite_directory "$1")
	[[ -z $(find "$directory/updated" -mmin -1440 2>/dev/null) ]] || return 0
	suite_configure "$1" || return
	suite_update "$1" && return
	[[ -e $directory/updated ]] || die "apt-get could not fetch the package lists of $1"
	say "the package lists of $1 are not up to date"
}

# suite_update fetches the package lists of a suite.
suite_update() {
	local directory
	if [[ -z $1 ]]; then
		as_root apt-get -qq update >&2
		return
	fi
	directory=$(suite_directory "$1")
	flock "$directory/lock" apt-get -c "$directory/apt.conf" -qq update </dev/null >&2 && touch "$directory/updated"
}

# suite_download downloads the .deb files of packages to the working directory:
# suite_download SUITE PACKAGE… If that fails, it updates the lists and tries again.
suite_download() {
	suite_download_once "$@" 2>/dev/null || { suite_update "$1" && suite_download_once "$@"; } ||
		die "apt-get could not download ${*:2}"
}

suite_download_once() {
	suite_apt "$1" apt-get -qq -o APT::Sandbox::User=root download "${@:2}" </dev/null >&2
}

# suite_configure writes the apt configuration of a suite. Other settings of the
# machine, for example a proxy, still apply, except hooks and indexes of other programs.
suite_configure() {
	local distribution directory keyring mirror
	distribution=$(suite_distribution "$1") || return
	mirror=$(archive_mirror "$distribution" "$1") || return
	keyring=$(archive_keyring "$distribution") || return
	directory=$(suite_directory "$1")
	mkdir -p "$directory"/{lists,archives}/partial
	suite_sources "$1" "$mirror" "arch=$(dpkg --print-architecture) signed-by=$keyring" >"$directory/sources.list"
	cat >"$directory/apt.conf" <<-END
		#clear APT::Default-Release;
		#clear APT::Update::Pre-Invoke;
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
		#clear Acquire::IndexTargets::deb::DEP-11;
		#clear Acquire::IndexTargets::deb::DEP-11-icons;
		#clear Acquire::IndexTargets::deb::DEP-11-icons-small;
		#clear Acquire::IndexTargets::deb::CNF;
		#clear Acquire::IndexTargets::deb::Contents-deb;
		Acquire::Languages "none";
		APT::Sandbox::User "root";
		APT::Update::Error-Mode "any";
		Dir::Etc::sourcelist "$directory/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
		Dir::State::lists "$directory/lists";
		Dir::State::status "/dev/null";
		Dir::Cache "$directory";
	END
}

# archive_mirror prints the address of a distribution's archive: that of the environment
# variable, of the machine's apt sources, or debootstrap's default.
archive_mirror() {
	local variable=LVSMARK_MIRROR_${1^^} mirror
	mirror=${!variable-}
	[[ $mirror ]] || mirror=$(machine_mirror "${1^}")
	[[ $mirror ]] || mirror=$(debootstrap_mirror "$1" "$2")
	[[ $mirror ]] || die "no archive of ${1^} in the machine's apt sources: set $variable to the address of one"
	echo "$mirror"
}

# machine_mirror prints the address in the machine's apt sources. It ignores suites with
# a hyphen: they are updates, which may be on other archives.
machine_mirror() {
	# shellcheck disable=SC2016 # apt expands these
	apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' "Origin: $1" 'Component: main' 2>/dev/null |
		awk '!found && $1 !~ /-/ && $2 ~ /^https?:/ { print $2; found = 1 }'
}

# debootstrap_mirror prints the default mirror of debootstrap, which it installs if
# necessary. For Ubuntu, the mirror is in the script of the suite.
debootstrap_mirror() {
	install_packages debootstrap >&2 || return
	case $1 in
	debian) sed -n 's/^DEF_MIRROR="\(http.*\)"$/\1/p' "$(PATH=$PATH:/usr/sbin command -v debootstrap)" ;;
	ubuntu) ubuntu_default_mirror "$2" ;;
	esac
}

# ubuntu_default_mirror reads debootstrap's script for Ubuntu, which calls
# default_mirror with an address.
# shellcheck disable=SC2034,SC2317 # the script uses these
ubuntu_default_mirror() (
	set +u
	SUITE=$1 ARCH=$(dpkg --print-architecture)
	default_mirror() { echo "$1"; }
	mirror_style() { :; }
	download_style() { :; }
	finddebs_style() { :; }
	variants() { :; }
	keyring() { :; }
	info() { :; }
	doing_variant() { return 1; }
	# shellcheck source=/dev/null
	. /usr/share/debootstrap/scripts/gutsy
)

# archive_keyring prints the file with the keys of a distribution's archive. If the
# machine does not have it, it is in a package of Debian. Debian 12 has no package with
# Ubuntu's keys, so the one of Debian 13 is unpacked.
archive_keyring() {
	local keyring=/usr/share/keyrings/$1-archive-keyring.gpg
	[[ ! -e $keyring ]] || { echo "$keyring" && return; }
	case $1 in
	debian) install_packages debian-archive-keyring >&2 || return ;;
	ubuntu)
		keyring=$(cache_directory)/suites/keyrings$keyring
		[[ -e $keyring ]] || fetch_ubuntu_keyring "${keyring%/usr/*}" || return
		;;
	esac
	[[ -e $keyring ]] || die "the keys of ${1^}'s archive are missing: $keyring"
	echo "$keyring"
}

fetch_ubuntu_keyring() (
	suite_open trixie || exit
	mkdir -p "$1"
	cd "$1" || exit
	suite_download trixie ubuntu-keyring || exit
	dpkg -x ubuntu-keyring_*.deb .
	rm -f ubuntu-keyring_*.deb
)
