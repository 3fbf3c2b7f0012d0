# shellcheck shell=bash
# The guest's initramfs: busybox, the modules for the host's files, and init.

# make_initramfs writes an initramfs for a kernel: make_initramfs DIRECTORY VERSION FILE
make_initramfs() {
	local directory=$1 version=$2 file=$3 tree=$3.tree module
	mkdir -p "$tree"/{bin,dev,modules,proc,sys}
	cp "$(command -v busybox)" "$tree/bin/busybox"
	install -m 755 "$here/init" "$tree/init"

	for module in virtio_pci virtio_console 9p 9pnet_virtio overlay virtio_rng; do
		/sbin/modprobe -d "$directory" -S "$version" --show-depends "$module"
	done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' | while read -r module; do
		case $module in
		*.xz) xz -dc "$module" ;;
		*.zst) zstd -qdc "$module" ;;
		*) cat "$module" ;;
		esac >"$tree/modules/$(basename "${module%.ko*}").ko"
		echo "$(basename "${module%.ko*}").ko" >>"$tree/modules/order"
	done

	(cd "$tree" && find . | cpio --quiet --create --format=newc --owner=0:0) >"$file"
	rm -rf "$tree"
}
