// Package netlink exchanges messages with the kernel over the netlink protocols that
// lvsmark uses: netfilter (nftables), generic (IPVS) and route (addresses).
//
// It uses the sockets of github.com/mdlayher/netlink, but not its methods to send and
// receive. Those start a goroutine for each call, to watch a context. If the caller is
// locked to its thread, as in a network namespace, each call then switches threads
// twice, which takes longer than the work of the kernel.
//
// A [Conn] belongs to the network namespace of the thread that dialed it. A caller
// that has entered a namespace must have locked its OS thread.
//
// # Errors
//
//   - [*KernelError]: the kernel refused the request. It unwraps to the errno.
//   - [ErrMalformed]: a message is truncated, longer than the buffer, or of an
//     unexpected type.
//   - [ErrOther]: a message has the sequence number of another request.
//   - [ErrInterrupted]: the listed objects changed during a dump; the list is not
//     complete.
//   - [os.ErrDeadlineExceeded]: the kernel did not answer within [AnswerLimit].
//   - other errors come from the socket and wrap an errno: ENOBUFS if the receive
//     buffer of the socket overflowed and answers are lost.
//
// After an error, unread answers may still arrive on the socket, so the next request
// opens a new one. A refusal that [Conn.Execute] returns does not need a new socket.
package netlink
