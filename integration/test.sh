# shellcheck shell=bash
# The tests of integration/run test: natively, and on a kernel with IPVS.

run_test() {
	(($# == 0)) || die 'test: no arguments; use go test for a single one, and integration/run vm'
	install_packages "${lab_packages[@]}" "${race_packages[@]}"
	unpack_ftp_servers
	find_go
	make_work
	cd "$repo"
	build_programs ./integration/tally
	export LVSMARK_STRICT=1 LVSMARK_VM_TIMEOUT=${LVSMARK_VM_TIMEOUT:-5000}

	choose_kernel
	build_for_ipvs
	if host_has_ipvs; then
		stages=(native ipvs)
		say 'tests on this kernel'
		test_all_natively
		say 'tests of packages that need IPVS'
		test_with_ipvs ipvs "$work/tests"
	else
		stages=(native vm second-vm)
		test_in_parallel
	fi
	close_test
}

# test_in_parallel runs the longest package in a VM, which has one processor, at the same
# time as the native tests, and the other packages in a second VM when these have ended. The
# first VM has its own process group, so that clean_up can kill it.
test_in_parallel() {
	grep -E "$long_package" "$work/tests" >"$work/tests.long"
	grep -vE "$long_package" "$work/tests" >"$work/tests.other"
	say 'tests on this kernel, and in a VM those of packages that need IPVS'
	set -m
	test_with_ipvs vm "$work/tests.long" >"$work/vm.output" 2>&1 &
	background=$!
	set +m
	test_all_natively
	say 'tests in a second VM'
	test_with_ipvs second-vm "$work/tests.other"
	say 'tests in the VM'
	wait "$background" || touch "$work/vm.unfinished"
	background=
	cat "$work/vm.output"
}

# The package with the longest tests in the VM: lines of the file tests, as a regular expression.
long_package=' github.com/lvsmark/lvsmark/integration '

# test_all_natively runs every test on this kernel, and writes the counts to native.counts.
# The race detector makes tests that compute five times slower: it is for packages in which
# something runs at the same time. The others are built as for the VM.
test_all_natively() {
	local concurrent=() others=() package directory
	while read -r package directory; do
		if grep -qsE "$concurrency" "$directory"/*.go; then concurrent+=("$package"); else others+=("$package"); fi
	done < <(go list -f '{{.ImportPath}} {{.Dir}}' ./...)
	{
		CGO_ENABLED=1 go_test -race "${concurrent[@]}"
		CGO_ENABLED=0 go_test "${others[@]}"
	} | "$work/tally" -o "$work/native.counts" || true
}

# What a package has that needs the race detector, as a regular expression: goroutines, locks.
concurrency='^[[:space:]]*go [[:alnum:]_.]+\(|\<sync\.(Mutex|RWMutex|WaitGroup|Once|Map|Pool|Cond)|\<atomic\.[A-Z]'

# test_natively runs tests on this kernel, and writes the counts to NAME.counts, failed tests
# included: test_natively NAME [FLAG…] PACKAGE…
test_natively() { go_test "${@:2}" | "$work/tally" -o "$work/$1.counts" || true; }

# go_test prints the events of go test, run as root. The status is 0 also after a failed test:
# tally counts these.
go_test() {
	local command=(go test -json -count=1 -timeout=60m)
	((EUID == 0)) || command+=(-exec "sudo --preserve-env env PATH=$PATH")
	"${command[@]}" "$@" </dev/null || true
}

# build_for_ipvs builds the tests that test_with_ipvs runs.
build_for_ipvs() {
	local package directory number=0
	CGO_ENABLED=0 go build -o "$work/test2json" cmd/test2json
	while read -r package directory; do
		number=$((number + 1))
		CGO_ENABLED=0 go test -c -o "$work/$number.test" "$package" || touch "$work/unbuilt"
		echo "$work/$number.test $package $directory"
	done < <(packages_for_ipvs) >"$work/tests"
}

# test_with_ipvs NAME FILE runs the built tests that the file lists in one boot, and writes
# the counts to NAME.counts.
test_with_ipvs() {
	LVSMARK_IPVS=required "${on_kernel[@]}" "$here/vm/tests" "$work" "$2" </dev/null |
		"$work/tally" -o "$work/$1.counts" | tee "$work/$1.printed" || touch "$work/$1.unfinished"
}

# Packages whose tests depend on the version of the kernel, as a regular expression.
# integration/run matrix adds those of nft, which take minutes under emulation.
kernel_packages=internal/hostaddr

# packages_for_ipvs prints the packages to test on the kernel with IPVS, each with its
# directory: those with a test that needs IPVS, and $kernel_packages.
packages_for_ipvs() {
	local package directory
	go list -f '{{.ImportPath}} {{.Dir}}' ./... | while read -r package directory; do
		if [[ $package =~ /($kernel_packages)$ ]] || grep -qs 'need\.IPVS(' "$directory"/*_test.go; then
			echo "$package $directory"
		fi
	done
}

# close_test prints the summary, and exits with status 1 after a failure.
close_test() {
	local stage passed failed skipped all_passed=0 all_failed=0 status=0
	local problems=() lines=()
	for stage in "${stages[@]}"; do
		read_counts "$stage"
		lines+=("$stage: $passed passed, $failed failed, $skipped skipped")
		all_passed=$((all_passed + passed)) all_failed=$((all_failed + failed))
	done
	mapfile -t problems < <(for stage in "${stages[@]}"; do problems_of "$stage"; done)

	((all_failed == 0 && ${#problems[@]} == 0)) || status=1
	((${#problems[@]} == 0)) || printf 'error: %s\n' "${problems[@]}"
	printf '%s\n' "${lines[@]}" "$all_passed passed, $all_failed failed"
	exit "$status"
}

# read_counts NAME sets passed, failed and skipped.
read_counts() { read -r passed failed skipped 2>/dev/null <"$work/$1.counts" || { passed=0 failed=0 skipped=0; }; }

# problems_of NAME prints the problems of a run other than failed tests.
problems_of() {
	local passed failed skipped
	read_counts "$1"
	((passed)) || echo "no test ran: $1"
	[[ $1 == native || ! -e $work/unbuilt ]] || echo 'tests for the VM do not build'
	[[ ! -e $work/$1.unfinished ]] || echo 'the VM did not finish its tests'
	! grep -qs '^skip .*: needs IPVS' "$work/$1.printed" || echo 'tests in the VM were skipped because IPVS is missing'
}
