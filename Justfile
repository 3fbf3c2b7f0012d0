# Short names for verbs of integration/run and go commands; just is optional.

# list the recipes
default:
    @just --list --unsorted

# the lab, a spec, FTP sessions, and the state of the kernel
demo:
    integration/run demo

# every test, natively and in a VM with IPVS
test:
    integration/run test

# FTP transfers of minutes during re-applies
sessions reapplies="100":
    integration/run sessions {{ reapplies }}

# a fault in each kernel call of lvsmark: errno, truncation, delay, SIGKILL
faults cases="all":
    integration/run faults {{ cases }}

# formatters and linters; changes nothing
lint:
    integration/run lint

# change PACKAGES in single places, and print the changes that no test finds
mutate +packages:
    go -C tools run ./mutate {{ packages }}

# a static binary in bin/
build:
    CGO_ENABLED=0 go build -trimpath -o bin/ ./cmd/lvsmark

# binaries, packages and checksums in dist/, each built twice and compared
release:
    integration/run release

# the .deb in a new installation of SUITE, booted with systemd
package-boot suite="trixie":
    integration/run package-boot {{ suite }}

# format Go and shell files
fmt:
    go tool -modfile=tools/go.mod gofumpt -w .
    go tool -modfile=tools/go.mod shfmt -w . integration/vm/init

# packet loss during N re-applies of each kind of change
loss n="300":
    integration/run loss {{ n }}

# benchmark beside nft, iptables and ipvsadm, as a table; FORM: smoke, record
bench *form:
    integration/run bench {{ form }}

# the tests in the VM, on the kernel of each suite
matrix *suites:
    integration/run matrix {{ suites }}

# the tests that use nft, with the nft of each suite
nft-versions *suites:
    integration/run nft-versions {{ suites }}

# a verb of integration/run in a new, minimal installation of a suite
bare suite +verb:
    integration/run bare {{ suite }} {{ verb }}

# every fuzzer for SECONDS
fuzz seconds="10":
    integration/run fuzz {{ seconds }}

# a command as root in the VM
vm +command:
    integration/run vm -- {{ command }}
