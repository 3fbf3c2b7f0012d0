# shellcheck shell=bash
# The linters of integration/run lint. Those in Go are tools of the module in tools/.

run_lint() {
	local failed=() check
	install_packages "${lint_packages[@]}"
	find_go
	cd "$repo" || return
	for check in format vet static fix tidy dead structure tools shell leftovers; do
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

# lint_structure checks the limits of files, functions and the arrows between files.
lint_structure() {
	local table
	table=$(go -C "$repo/tools" run ./structure ..) || { printf '%s\n' "$table" && false; }
}

# lint_tools tests the linters and the mutation tester of this repository.
lint_tools() { go -C "$repo/tools" vet ./... && go -C "$repo/tools" test ./...; }

# lint_shell checks the scripts, and the *.sh files that they source.
lint_shell() {
	{ tool shfmt -f . && echo integration/vm/init; } | grep -v '\.sh$' | xargs shellcheck --check-sourced
}

# lint_leftovers finds reminders and merge conflict markers.
lint_leftovers() {
	! grep -rnwIE --exclude-dir=.git --exclude=go.sum \
		'TO[D]O|FIX[M]E|HA[C]K|X[X]X|<<<<[<]<<.*|>>>>[>]>>.*' .
}

tool() { go tool -modfile="$repo/tools/go.mod" "$@"; }

# prints_nothing runs its arguments, and fails if they fail or print something: some
# linters report findings only as output.
prints_nothing() {
	local printed status=0
	printed=$("$@") || status=$?
	[[ -z $printed ]] || printf '%s\n' "$printed"
	[[ -z $printed ]] && ((status == 0))
}
