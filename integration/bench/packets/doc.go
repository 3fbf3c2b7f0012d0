// Package packets lets packets arrive in a network namespace as fast as one
// processor takes them, and times them. They come by BPF_PROG_TEST_RUN with live
// frames (Documentation/bpf/bpf_prog_run.rst in the kernel, Linux 5.18): an XDP
// program gives each frame its headers and passes it to the stack, as a driver
// does, on the processor and in the time of the calling thread. No device, queue
// or other process is in the way, so that little is measured but the hooks.
package packets
