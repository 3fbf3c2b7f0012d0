package netlink

import "golang.org/x/sys/unix"

// Commit sends requests that the kernel executes as one transaction (a batch of
// nfnetlink). It waits for the answer to the last request with NLM_F_ACK, or for the first
// refusal. refused is the index of the refused request, or -1 if the error is not a
// refusal of one of the requests.
func (c *Conn) Commit(requests []Request) (refused int, err error) {
	first, err := c.begin(requests...)
	if err != nil {
		return -1, err
	}
	acknowledged := lastAcknowledged(requests)
	for {
		datagram, err := c.next()
		if err != nil {
			return -1, err
		}
		for m, err := range Messages(datagram) {
			if err == nil && m.Type == unix.NLMSG_ERROR {
				err = m.Verdict()
			}
			i := int(int32(m.Sequence - first))
			switch {
			case err != nil && 0 <= i && i < len(requests):
				return i, c.failed(err)
			case err != nil:
				return -1, c.failed(err)
			case i == acknowledged:
				return -1, nil
			}
		}
	}
}

func lastAcknowledged(requests []Request) int {
	i := len(requests) - 1
	for i >= 0 && requests[i].Flags&unix.NLM_F_ACK == 0 {
		i--
	}
	return i
}
