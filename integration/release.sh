# shellcheck shell=bash
# integration/run release: the files of a release, each built twice.

release_architectures=(amd64 arm64)

# run_release [DIRECTORY] writes the binaries, packages and checksums of a release to
# DIRECTORY (dist). It builds everything twice, in two directories, with two build caches
# and two umasks, and fails if any byte differs, or if the arm64 binary or the .rpm does not work.
run_release() {
	local out=${1:-$repo/dist} version epoch
	(($# <= 1)) || die 'release: one directory at most'
	install_packages git gzip tar xz-utils
	find_go
	make_work
	version=$(<"$repo/packaging/version")
	grep -q "^## \[${version//./\\.}\] - 20" "$repo/CHANGELOG.md" || die "release: CHANGELOG.md has no section of version $version with a date"
	epoch=$(git -C "$repo" log -1 --format=%ct)
	copy_sources "$work/source"
	build_nfpm
	say "release: lvsmark $version, first build"
	(umask 022 && build_release "$work/source" "$work/first")
	say 'release: second build'
	mv "$work/source" "$work/elsewhere"
	(umask 077 && TZ=Asia/Tokyo GOCACHE=$work/cache build_release "$work/elsewhere" "$work/second")
	diff -r "$work/first" "$work/second" >&2 || die 'release: the two builds differ'
	check_release "$work/first"
	mkdir -p "$out"
	cp "$work/first"/* "$out"
	say "release: two builds are the same; $out has:"
	cat "$out/SHA256SUMS"
}

build_nfpm() { go -C "$repo/tools" build -o "$work/nfpm" github.com/goreleaser/nfpm/v2/cmd/nfpm; }

# copy_sources copies the files of the repository that git knows.
copy_sources() {
	mkdir -p "$1"
	git -C "$repo" ls-files -z | tar -C "$repo" --null --files-from - -c | tar -C "$1" -x
}

# build_release SOURCE DIRECTORY builds all files of a release.
build_release() {
	local source=$1 directory=$2 arch
	mkdir -p "$directory"
	for arch in "${release_architectures[@]}"; do
		build_binary "$source" "$arch" "$directory/lvsmark_${version}_linux_$arch"
	done
	for arch in "${release_architectures[@]}"; do
		stage_files "$source" "$directory/lvsmark_${version}_linux_$arch" "$directory.$arch"
		build_packages "$source" "$arch" "$directory.$arch" "$directory"
	done
	(cd "$directory" && sha256sum -- * >"$work/sums" && mv "$work/sums" SHA256SUMS && chmod 644 -- *)
}

build_binary() {
	CGO_ENABLED=0 GOOS=linux GOARCH=$2 go -C "$1" build -trimpath -buildvcs=false \
		-ldflags "-s -w -X main.release=$version" -o "$3" ./cmd/lvsmark
}

# stage_files SOURCE BINARY STAGE makes the tree of a package. The program of the machine's
# own architecture writes manual, completions and schema.
stage_files() {
	local source=$1 stage=$3 share=$3/usr/share self
	self=${2%_*}_$(go env GOHOSTARCH)
	chmod 755 "$self"
	install -D -m 755 "$2" "$stage/usr/bin/lvsmark"
	install_found "$stage/usr/lib/systemd/system" "$source/packaging/systemd" '*.service' '*.timer'
	install -D -m 644 "$source/packaging/modules-load.conf" "$stage/usr/lib/modules-load.d/lvsmark.conf"
	mkdir -p "$stage/man"
	SOURCE_DATE_EPOCH=$epoch "$self" man "$stage/man"
	gzip -9n "$stage"/man/*
	install_files "$share/man/man8" "$stage"/man/*.8.gz
	install_files "$share/man/man5" "$stage"/man/*.5.gz
	rm -r "$stage/man"
	install_text "$share/bash-completion/completions/lvsmark" "$self" completion bash
	install_text "$share/fish/vendor_completions.d/lvsmark.fish" "$self" completion fish
	install_text "$stage.deb/usr/share/zsh/vendor-completions/_lvsmark" "$self" completion zsh
	install_text "$stage.rpm/usr/share/zsh/site-functions/_lvsmark" "$self" completion zsh
	install_text "$share/lvsmark/lvsmark.schema.json" "$self" schema
	stage_documents "$source" "$stage"
	find "$stage" "$stage.deb" "$stage.rpm" -type d -exec chmod 755 {} +
	find "$stage" "$stage.deb" "$stage.rpm" -exec touch --no-dereference --date "@$epoch" {} +
}

stage_documents() {
	local source=$1 stage=$2 documents=$2/usr/share/doc/lvsmark
	install_files "$documents" "$source"/README.md
	install_found "$documents" "$source/docs" '*.md' '*.svg'
	install -D -m 644 "$source/packaging/example.yaml" "$documents/examples/lvsmark.yaml"
	install -D -m 644 "$source/packaging/copyright" "$stage.deb/usr/share/doc/lvsmark/copyright"
	install -D -m 644 "$source/LICENSE" "$stage.rpm/usr/share/doc/lvsmark/LICENSE"
	install -D -m 644 "$source/packaging/lintian-overrides" "$stage.deb/usr/share/lintian/overrides/lvsmark"
	install_text "$documents/changelog.gz" gzip -9nc "$source/CHANGELOG.md"
	cat >"$stage.changelog" <<-END
		- semver: $version
		  date: $(date --utc --date "@$epoch" +%Y-%m-%dT%H:%M:%SZ)
		  packager: lvsmark maintainers <lvsmark@users.noreply.github.com>
		  deb: {urgency: medium, distributions: [unstable]}
		  changes: [{note: "version $version; see changelog.gz"}]
	END
}

# install_files DIRECTORY FILE… copies files.
install_files() {
	mkdir -p "$1"
	install -m 644 -t "$1" "${@:2}"
}

# install_found DIRECTORY SOURCE PATTERN… copies the files whose names match.
install_found() {
	local pattern found
	for pattern in "${@:3}"; do
		mapfile -t found < <(find "$2" -maxdepth 1 -name "$pattern")
		((${#found[@]} == 0)) || install_files "$1" "${found[@]}"
	done
}

# install_text FILE COMMAND… writes the output of a command.
install_text() {
	mkdir -p "${1%/*}"
	"${@:2}" >"$1"
	chmod 644 "$1"
}

# build_packages SOURCE ARCHITECTURE STAGE DIRECTORY makes a .deb and a .rpm.
build_packages() {
	local packager
	sed "s|@STAGE@|$3|; s|@ARCH@|$2|; s|@VERSION@|$version|" "$1/packaging/nfpm.yaml" >"$3.yaml"
	for packager in deb rpm; do
		(cd "$1" && SOURCE_DATE_EPOCH=$epoch \
			"$work/nfpm" package --config "$3.yaml" --packager "$packager" --target "$4/") >"$work/log" || {
			cat "$work/log" >&2
			die "release: nfpm could not make the .$packager"
		}
	done
}
