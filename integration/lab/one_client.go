package lab

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"strings"
	"time"
)

// A Visit is a control connection of the lab's own client. Many visits may come from one
// address: the real server of the control connection is known by its greeting, that of a
// data connection by the file that it sends.
type Visit struct {
	Session
	Control string // the real server of the control connection

	client *ftpClient
	lab    *Lab
}

// visitTimeout limits a visit with all its transfers, which tests hold while they change the cluster.
const visitTimeout = 20 * time.Minute

// Visit logs in from an address of the client.
func (l *Lab) Visit(s Session, from netip.Addr) (*Visit, error) {
	v := &Visit{Session: s, lab: l}
	var err error
	v.client, err = l.connect(transfer{Session: s, from: from, dataFrom: from, trust: l.trust, timeout: l.ClientTimeout, whole: visitTimeout})
	if err != nil {
		v.client.close()
		return nil, fmt.Errorf("%s: %w\n%s", s, err, v.client.log.String())
	}
	for _, server := range l.Servers {
		if strings.HasPrefix(v.client.log.String(), "< 220 "+server.Name+"\n") {
			v.Control = server.Name
		}
	}
	return v, nil
}

// DataFrom makes later passive data connections come from another address of the client.
func (v *Visit) DataFrom(from netip.Addr) { v.client.dataFrom = from }

// Load downloads a file, and returns the real server that it is from. If it is not nil, held
// is called when the first bytes have arrived.
func (v *Visit) Load(file string, held func()) (server string, err error) {
	var content bytes.Buffer
	err = v.client.data("RETR "+file, func(data dataConn) error {
		if _, err := io.CopyN(&content, data, 1024); err != nil {
			return err
		}
		if held != nil {
			held()
		}
		_, err := io.Copy(&content, data)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("%s on %s: %w\n%s", v.Session, v.Control, err, v.client.log.String())
	}
	got := sha256.Sum256(content.Bytes())
	for _, s := range v.lab.Servers {
		if got == v.lab.sums[filepath.Join(s.Dir, file)] {
			return s.Name, nil
		}
	}
	return "", errors.New("the download is the file of no real server")
}

// Quit ends the session.
func (v *Visit) Quit() error {
	_, err := v.client.command(221, "QUIT")
	v.client.close()
	return err
}

// Leave closes all connections without QUIT.
func (v *Visit) Leave() { v.client.close() }
