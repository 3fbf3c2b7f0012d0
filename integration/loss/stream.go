package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/equivalence"
)

// A stream is a running sender on the client.
type stream struct {
	sender *exec.Cmd
	stdin  io.WriteCloser // the sender sends until this is closed
}

// start starts a sender, and returns when it sends packets.
func (s *testbed) start(load Load, packets []equivalence.Packet) (*stream, error) {
	sender := exec.Command("/proc/self/exe", senderArgument)
	sender.Stderr = os.Stderr
	sender.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0") // else the race detector waits a second at exit
	in, err := sender.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := sender.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.client.Do(sender.Start); err != nil {
		return nil, fmt.Errorf("sender: %w", err)
	}
	run := &stream{sender, in}
	o := order{Load: load, Device: device}
	for _, p := range packets {
		o.Frames = append(o.Frames, frame(s.address, p))
	}
	if err := json.NewEncoder(in).Encode(o); err != nil {
		return nil, errors.Join(fmt.Errorf("sender: %w", err), run.stop())
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		return nil, errors.Join(fmt.Errorf("sender: %w", err), run.stop())
	}
	return run, nil
}

// stop stops the sender and waits for its end.
func (r *stream) stop() error {
	if err := errors.Join(r.stdin.Close(), r.sender.Wait()); err != nil {
		return fmt.Errorf("sender: %w", err)
	}
	return nil
}

// frame returns the packet in an Ethernet frame.
func frame(to net.HardwareAddr, p equivalence.Packet) []byte {
	from := net.HardwareAddr{2, 0, 0, 0, 0, 1} // locally administered
	protocol := uint16(unix.ETH_P_IP)
	if p.To.Is6() {
		protocol = unix.ETH_P_IPV6
	}
	header := append(append([]byte{}, to...), from...)
	return p.AppendIP(append(header, byte(protocol>>8), byte(protocol)))
}
