# shellcheck shell=bash
# integration/run matrix: the tests on the kernels of other suites.

matrix_suites=(bookworm trixie sid bullseye)
oldest_kernel=5.12 # lvsmark refuses older ones

# run_matrix runs the tests on the kernel of each suite, with this machine's programs.
run_matrix() {
	local suite status=0
	(($#)) || set -- "${matrix_suites[@]}"
	for suite; do
		suite_distribution "$suite" >/dev/null || exit
	done
	install_packages "${lab_packages[@]}"
	unpack_ftp_servers
	install_vm
	find_go
	make_work
	cd "$repo"
	build_programs ./integration/tally
	kernel_packages='internal/hostaddr|lvsmark/nft'
	build_for_ipvs
	on_kernel=("$here/vm/boot")
	export LVSMARK_STRICT=1 LVSMARK_VM_TIMEOUT=${LVSMARK_VM_TIMEOUT:-14400}

	matrix_row suite kernel passed failed skipped seconds result
	for suite; do
		LVSMARK_VM_SUITE=$suite test_kernel "$suite" || status=1
	done
	cat "$work/table"
	exit "$status"
}

# test_kernel runs the tests for a supported kernel, or those for an old one.
test_kernel() {
	local suite=$1 kernel version
	kernel=$(kernel_directory) || {
		matrix_row "$suite" - - - - - 'error: no kernel'
		return 1
	}
	version=$(basename "$kernel"/lib/modules/*)
	say "$suite: Linux $version"
	if dpkg --compare-versions "$version" lt "$oldest_kernel"; then
		test_refusal "$suite" "$version"
	else
		test_supported "$suite" "$version"
	fi
}

# test_supported runs the tests of the packages that need IPVS.
test_supported() {
	local passed failed skipped problems started=$SECONDS
	test_with_ipvs "$1" "$work/tests"
	read_counts "$1"
	problems=$(problems_of "$1" | paste -sd ';')
	((failed == 0)) || problems="tests failed${problems:+; $problems}"
	matrix_row "$1" "$2" "$passed" "$failed" "$skipped" $((SECONDS - started)) "${problems:-ok}"
	[[ -z $problems ]]
}

# test_refusal tests that lvsmark refuses an older kernel and changes nothing.
test_refusal() {
	local result='ok: refused, nothing changed' status=0 started=$SECONDS
	"${on_kernel[@]}" "$here/vm/refused" "$oldest_kernel" || status=1 result='error: not refused correctly'
	matrix_row "$1" "$2" - - - $((SECONDS - started)) "$result"
	return "$status"
}

matrix_row() { printf '%-10s %-26s %7s %7s %8s %8s  %s\n' "$@" >>"$work/table"; }
