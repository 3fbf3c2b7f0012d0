# shellcheck shell=bash
# The linters of integration/run lint. Those written in Go are tools of the
# module in tools/.

run_lint() {
	local failed=() check
	install_packages "${lint_packages[@]}"
	find_go
	cd "$repo" || return
	for check in format vet static fix tidy dead shell leftovers; do
		say "lint: $check"
		"lint_$check" || failed+=("$check")
	done
	((${#failed[@]} == 0)) || die "lint: ${failed[*]}"
}

lint_format() { prints_nothing tool gofumpt -d . && prints_nothing tool shfmt -d . integration/vm/init; }
lint_vet() { go vet ./...; }
lint_static() { tool staticcheck ./...; }
lint_fix() { prints_nothing go fix -diff ./...; }
lint_tidy() { go mod tidy -diff && go -C tools mod tidy -diff; }
lint_dead() { prints_nothing tool deadcode -test ./...; }

# lint_shell checks the scripts; the *.sh are parts of them.
lint_shell() {
	{ tool shfmt -f . && echo integration/vm/init; } | grep -v '\.sh$' | xargs shellcheck --check-sourced
}

# lint_leftovers finds what a hasty hand left behind.
lint_leftovers() {
	! grep -rnwIE --exclude-dir=.git --exclude=go.sum \
		'TO[D]O|FIX[M]E|HA[C]K|X[X]X|<<<<[<]<<.*|>>>>[>]>>.*' .
}

tool() { go tool -modfile="$repo/tools/go.mod" "$@"; }

# prints_nothing runs its arguments, and fails where they fail or print
# something: not all linters tell by their status.
prints_nothing() {
	local printed status=0
	printed=$("$@") || status=$?
	[[ -z $printed ]] || printf '%s\n' "$printed"
	[[ -z $printed ]] && ((status == 0))
}
