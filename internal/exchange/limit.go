package exchange

import "time"

// AnswerLimit is how long the kernel may take to answer. It works through a
// request before the call that sends it returns, so this only keeps lvsmark from
// waiting for an answer that was lost.
const AnswerLimit = 30 * time.Second

// DatagramLimit is the longest datagram that is received. The kernel makes those
// of a dump as long as the longest buffer that it has seen, and clears that much
// memory for each, however little it has to say: this much, with what it needs
// besides, is two pages. Without such a buffer it would make them no longer, on
// any machine.
const DatagramLimit = 8192 - 320

// BatchLimit bounds how many requests go to the kernel in one piece: the refusals
// of all have to fit the buffer of a socket.
const BatchLimit = 128
