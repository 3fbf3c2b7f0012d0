# shellcheck shell=bash
# Progress messages go to standard error.

bold='' red='' reset=''
if [[ -t 2 && -z ${NO_COLOR-} ]]; then
	bold=$'\e[1m' red=$'\e[31m' reset=$'\e[0m'
fi

# say prints a step.
say() { printf '%s==>%s %s\n' "$bold" "$reset" "$*" >&2; }

# die prints an error, and exits with status 2.
die() {
	printf '%serror:%s %s\n' "$red" "$reset" "$*" >&2
	exit 2
}
