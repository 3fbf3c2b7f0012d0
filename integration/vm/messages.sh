# shellcheck shell=bash
# What is said on the way goes to standard error.

bold='' red='' reset=''
if [[ -t 2 && -z ${NO_COLOR-} ]]; then
	bold=$'\e[1m' red=$'\e[31m' reset=$'\e[0m'
fi

# say prints one step.
say() { printf '%s==>%s %s\n' "$bold" "$reset" "$*" >&2; }

# die prints why, and ends the script with status 2.
die() {
	printf '%serror:%s %s\n' "$red" "$reset" "$*" >&2
	exit 2
}
