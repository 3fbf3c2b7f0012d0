package lab

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"sync"

	"github.com/lvsmark/lvsmark/config"
)

// A Mode is the FTP command that a client opens data connections with.
type Mode string

// The modes of RFC 959 and, for both families, RFC 2428.
const (
	PASV Mode = "PASV" // IPv4 only
	EPSV Mode = "EPSV"
	PORT Mode = "PORT" // IPv4 only
	EPRT Mode = "EPRT"
)

// Active reports whether the server opens the data connection.
func (m Mode) Active() bool { return m == PORT || m == EPRT }

// Modes are those of a family.
func Modes(f config.Family) []Mode {
	if f == config.IPv4 {
		return []Mode{PASV, EPSV, PORT, EPRT}
	}
	return []Mode{EPSV, EPRT}
}

// A Security says how TLS protects control and data connections.
type Security string

// The securities of RFC 4217; implicit TLS is older than it.
const (
	Plain    Security = "plain"
	Explicit Security = "explicit"
	Implicit Security = "implicit"
)

// Control ports.
const (
	ftp         = 21
	implicitTLS = 990
)

// port is where the control connection goes to.
func (s Security) port() uint16 {
	if s == Implicit {
		return implicitTLS
	}
	return ftp
}

// A Client is a program that speaks FTP.
type Client string

// The clients. The lab's own is for what the others cannot do, see Clients.
const (
	Curl Client = "curl"
	LFTP Client = "lftp"
	Own  Client = "own"
)

// Clients are those that can be used in a mode. curl is left out where data
// connections are active and under TLS: 7.87 to 7.88.1, which is Debian 12's,
// sends them in the clear (curl issue 10666). lftp has no EPRT for IPv4.
func Clients(f config.Family, m Mode, s Security) []Client {
	switch {
	case m == EPRT && f == config.IPv4 && s != Plain:
		return []Client{Own}
	case m == EPRT && f == config.IPv4:
		return []Client{Curl, Own}
	case m.Active() && s != Plain:
		return []Client{LFTP, Own}
	}
	return []Client{Curl, LFTP, Own}
}

// A Session is one control connection of a real FTP client, which uploads a
// file and then downloads one, both of the size of DataFile.
type Session struct {
	Client   Client
	Family   config.Family
	Mode     Mode
	Security Security

	Pieces int // so many uploads and downloads of the size of PieceFile instead, each over a data connection of its own
}

// String is fit for the name of a subtest.
func (s Session) String() string {
	text := fmt.Sprintf("%s/%s/%s/%s", s.Family, s.Mode, s.Security, s.Client)
	if s.Pieces > 0 {
		return fmt.Sprintf("%s/%d pieces", text, s.Pieces)
	}
	return text
}

// A Result is what became of a session. The servers and the source were
// observed by the kernels of the hosts on the way, not told by the programs.
type Result struct {
	Session
	From    netip.Addr   // the client's address
	Control string       // the real server that the control connection reached
	Logins  int          // control connections: more than one where the client began anew
	Data    []string     // the real server of each data connection, in no order
	Source  []netip.Addr // of each data connection that reached the client: active mode only
	Bytes   int64        // in both directions, of files that arrived as they were sent
	Size    int64        // in both directions, of all files
	Err     error        // of the client program, or a wrong content, or another mode than that of the session
	Log     string       // what the client program says of the session

	stored string // the real server that has the upload
	loaded string // the real server that the download is from
}

// Run runs sessions, so many at the same time, and tells what became of each,
// in their order.
func (l *Lab) Run(sessions []Session, parallel int) ([]Result, error) {
	return l.runSessions(sessions, parallel, nil)
}

// RunAtOnce runs sessions of the lab's own client: none of them transfers
// before the control connections of all are open.
func (l *Lab) RunAtOnce(sessions []Session) ([]Result, error) {
	gate := new(sync.WaitGroup)
	gate.Add(len(sessions))
	for i := range sessions {
		sessions[i].Client = Own
	}
	return l.runSessions(sessions, len(sessions), gate)
}

func (l *Lab) runSessions(sessions []Session, parallel int, gate *sync.WaitGroup) ([]Result, error) {
	results, err := l.results(sessions)
	if err != nil {
		return nil, err
	}
	slots := make(chan struct{}, parallel)
	var running sync.WaitGroup
	for i := range results {
		slots <- struct{}{}
		running.Go(func() {
			l.transfer(&results[i], gate)
			<-slots
		})
	}
	running.Wait()
	return results, l.locate(results)
}

// results gives each session an address of its own.
func (l *Lab) results(sessions []Session) ([]Result, error) {
	results := make([]Result, len(sessions))
	for i, session := range sessions {
		from, err := l.ClientAddress(session.Family)
		if err != nil {
			return nil, err
		}
		results[i] = Result{Session: session, From: from, Size: l.sizeOf(session)}
	}
	return results, nil
}

// transfer runs the client program of one session and checks the files at both
// ends.
func (l *Lab) transfer(r *Result, gate *sync.WaitGroup) {
	t := transfer{Session: r.Session, from: r.From, trust: l.trust, gate: gate, rounds: l.roundsOf(r), clientTimeout: l.clientTimeout(r)}
	r.Log, r.Err = l.program(t)
	if err := l.collect(r, t.rounds); r.Err == nil {
		r.Err = err
	}
	if r.Err == nil {
		r.Err = r.check()
	}
}

// These find commands in what curl and lftp say that they sent.
var (
	dataCommand    = regexp.MustCompile(`(?m)^(?:> |---> )(PASV|EPSV|PORT|EPRT)\b`)
	protectCommand = regexp.MustCompile(`(?m)^(?:> |---> )PROT P\b`) // RFC 4217: TLS for data
)

// check compares what happened with what the session was to be.
func (r *Result) check() error {
	switch {
	case r.stored == "":
		return fmt.Errorf("the uploads are not, as they were sent, on one real server")
	case r.loaded == "":
		return fmt.Errorf("the downloads are not the file of one real server")
	case protectCommand.MatchString(r.Log) != (r.Security != Plain):
		return fmt.Errorf("the client's log has PROT P, for TLS on data, where security is %s, or lacks it", r.Security)
	}
	used := dataCommand.FindAllStringSubmatch(r.Log, -1)
	if len(used) == 0 {
		return fmt.Errorf("the client's log has no %s", r.Mode)
	}
	for _, match := range used {
		if match[1] != string(r.Mode) {
			return fmt.Errorf("the client used %s instead of %s", match[1], r.Mode)
		}
	}
	return nil
}

// locate fills in which servers the connections of the sessions reached, and
// where data connections to the client came from.
func (l *Lab) locate(results []Result) error {
	for _, server := range l.Servers {
		in, out, err := server.Connections()
		if err != nil {
			return err
		}
		for i := range results {
			results[i].addServer(server.Name, in, out)
		}
	}
	in, _, err := l.Client.Connections()
	if err != nil {
		return err
	}
	for i := range results {
		for _, c := range in {
			if c.To.Addr() == results[i].From {
				results[i].Source = append(results[i].Source, c.From.Addr())
			}
		}
	}
	return nil
}

func (r *Result) addServer(name string, in, out []Connection) {
	for _, c := range in {
		switch {
		case c.From.Addr() != r.From:
		case c.To.Port() == r.Security.port():
			r.Control = name
			r.Logins++
		default:
			r.Data = append(r.Data, name)
		}
	}
	for _, c := range out {
		if c.To.Addr() == r.From {
			r.Data = append(r.Data, name)
		}
	}
}

// Whole reports whether every byte of every file arrived as it was sent.
func (r *Result) Whole() bool { return r.Bytes == r.Size }

// SameServer reports whether the control connection, every data connection and
// the files of both directions were on one real server.
func (r *Result) SameServer() bool {
	return r.Control != "" && r.stored == r.Control && r.loaded == r.Control && len(r.Data) > 0 &&
		!slices.ContainsFunc(r.Data, func(name string) bool { return name != r.Control })
}
