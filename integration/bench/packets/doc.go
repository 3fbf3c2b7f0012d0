// Package packets sends packets into a network namespace as fast as one processor can,
// and measures their time. It uses BPF_PROG_TEST_RUN with live frames
// (Documentation/bpf/bpf_prog_run.rst in the kernel, Linux 5.18): an XDP program writes
// the headers of each frame and passes it to the stack, as a driver does, in the calling
// thread. Without devices, queues and other processes, the measured time is mostly that
// of the hooks.
package packets
