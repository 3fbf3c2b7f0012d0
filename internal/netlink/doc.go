// Package netlink is one connection to the kernel for each netlink protocol that
// lvsmark uses: netfilter (nftables), generic (IPVS) and route (addresses).
//
// It uses the sockets of github.com/mdlayher/netlink, but sends and receives by
// itself, on the thread of the caller. That library starts a goroutine for each call,
// to watch a context. Where the caller is locked to its thread, as in a network
// namespace, this switches threads twice, which takes longer than the work of the
// kernel.
//
// A [Conn] belongs to the network namespace of the thread that dialed it. A caller
// that has entered a namespace must have locked its OS thread.
//
// # Errors
//
//   - [*KernelError]: the kernel refused the request. It unwraps to the errno.
//   - [ErrMalformed]: a message is cut short, too long for the buffer, or of a type
//     that is no answer to the request.
//   - [ErrOther]: a message has the sequence number of another request.
//   - [ErrInterrupted]: the listed objects changed during a dump; the list is not
//     complete.
//   - [os.ErrDeadlineExceeded]: the kernel did not answer within [AnswerLimit].
//   - any other error is one of the socket. It wraps an errno: ENOBUFS where answers
//     did not fit the buffer of the socket and are lost.
//
// After each of them, but for a refusal that [Conn.Tell] reports, unread answers may
// still come over the socket: the next request opens another one.
package netlink
