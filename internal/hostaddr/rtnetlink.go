package hostaddr

import (
	"net"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/exchange"
)

// A route is a connection to rtnetlink(7). After an exchange that failed it is of no
// more use: answers that nobody read may still come.
type route struct {
	conn     *netlink.Conn
	sequence uint32            // of the last request
	datagram []byte            // room for what comes
	devices  map[string]uint32 // indices, by name
}

func openRoute() (*route, error) {
	conn, err := netlink.Dial(unix.NETLINK_ROUTE, nil)
	if err != nil {
		return nil, err
	}
	return &route{conn: conn, datagram: make([]byte, exchange.DatagramLimit), devices: map[string]uint32{}}, nil
}

func (r *route) close() { _ = r.conn.Close() }

// device is the index of a device.
func (r *route) device(name string) (uint32, error) {
	if index, known := r.devices[name]; known {
		return index, nil
	}
	device, err := net.InterfaceByName(name)
	if err != nil {
		return 0, err
	}
	r.devices[name] = uint32(device.Index)
	return r.devices[name], nil
}

// A routeRequest is a message of rtnetlink.
type routeRequest struct {
	kind  netlink.HeaderType
	flags netlink.HeaderFlags
	data  []byte
}

// appendMessage adds a request, with the next number.
func (r *route) appendMessage(b []byte, request routeRequest) ([]byte, error) {
	r.sequence++
	message, err := netlink.Message{
		Header: netlink.Header{
			Length: uint32(unix.NLMSG_HDRLEN + len(request.data)), Sequence: r.sequence,
			Type: request.kind, Flags: netlink.Request | request.flags,
		},
		Data: request.data,
	}.MarshalBinary()
	return append(b, message...), err
}

// tell sends requests in one piece, and returns an error for each that was not
// done, or of which that is not known.
func (r *route) tell(requests []routeRequest) []error {
	answers := make([]error, len(requests))
	var b []byte
	var err error
	first := r.sequence + 1
	for i, request := range requests {
		if i == len(requests)-1 {
			request.flags |= netlink.Acknowledge
		}
		if b, err = r.appendMessage(b, request); err != nil {
			return exchange.Verdicts(answers, err)
		}
	}
	if err = r.send(b); err == nil {
		err = exchange.Answers(r.receive, first, answers)
	}
	return exchange.Verdicts(answers, err)
}

// ask sends a request, and calls each for every message of the answer until it says
// that this was the last. A refusal is an error.
func (r *route) ask(request routeRequest, each func(exchange.Message) (last bool, err error)) error {
	b, err := r.appendMessage(nil, request)
	if err == nil {
		err = r.send(b)
	}
	if err == nil {
		err = exchange.Each(r.receive, r.sequence, func(m exchange.Message) (last bool, err error) {
			if m.Type == unix.NLMSG_ERROR && m.Verdict() != nil {
				return true, m.Verdict()
			}
			return each(m)
		})
	}
	return exchange.FromKernel(err)
}

func (r *route) send(b []byte) error {
	if err := r.conn.SetDeadline(time.Now().Add(exchange.AnswerLimit)); err != nil {
		return err
	}
	return exchange.Send(r.conn, b)
}

// receive returns the next datagram, which the one after it overwrites.
func (r *route) receive() ([]byte, error) {
	n, err := exchange.Receive(r.conn, r.datagram)
	return r.datagram[:n], err
}
