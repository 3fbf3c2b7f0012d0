package lab

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"sync"

	"github.com/lvsmark/lvsmark/config"
)

// A Mode is the FTP command by which a client requests data connections.
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

// Modes returns the modes of a family.
func Modes(f config.Family) []Mode {
	if f == config.IPv4 {
		return []Mode{PASV, EPSV, PORT, EPRT}
	}
	return []Mode{EPSV, EPRT}
}

// A Security is the way in which TLS protects control and data connections.
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

// port returns the server's control port.
func (s Security) port() uint16 {
	if s == Implicit {
		return implicitTLS
	}
	return ftp
}

// A Client is an FTP client program.
type Client string

// The clients. The lab's own client supports what the others cannot do, see Clients.
const (
	Curl Client = "curl"
	LFTP Client = "lftp"
	Own  Client = "own"
)

// Clients returns the clients that support a mode. curl is not used for active data
// connections with TLS: 7.87 to 7.88.1 (Debian 12) sends them unencrypted (curl
// issue 10666). lftp has no EPRT for IPv4.
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

	Pieces int // not 0: number of uploads and downloads of PieceFile instead, each over its own data connection
}

// String returns the session's parameters, as the name of a subtest.
func (s Session) String() string {
	text := fmt.Sprintf("%s/%s/%s/%s", s.Family, s.Mode, s.Security, s.Client)
	if s.Pieces > 0 {
		return fmt.Sprintf("%s/%d pieces", text, s.Pieces)
	}
	return text
}

// A Result is the outcome of a session. The servers and the source were observed by
// the kernels of the hosts, not reported by the programs.
type Result struct {
	Session
	From    netip.Addr   // the client's address
	Control string       // the real server that the control connection reached
	Logins  int          // control connections; more than one if the client reconnected
	Data    []string     // the real server of each data connection, in no order
	Source  []netip.Addr // source of each data connection to the client: active mode only
	Bytes   int64        // in both directions, of files with the correct content
	Size    int64        // in both directions, of all files
	Err     error        // the client program failed, a content is wrong, or the client used another mode
	Log     string       // output of the client program

	stored string // the real server that has the upload
	loaded string // the real server that the download is from
}

// Run runs sessions, at most parallel at the same time, and returns their results in
// order.
func (l *Lab) Run(sessions []Session, parallel int) ([]Result, error) {
	return l.runSessions(sessions, parallel, nil)
}

// RunAtOnce runs sessions of the lab's own client. They start transfers when all
// control connections are open. These are opened one after the other: a scheduler that
// counts connections does not count those that are being established as active ones.
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

// results returns a result for each session, with a client address of its own.
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
	t := transfer{Session: r.Session, from: r.From, dataFrom: r.From, trust: l.trust, barrier: gate, rounds: l.roundsOf(r), timeout: l.ClientTimeout, whole: l.sessionTimeout(r)}
	r.Log, r.Err = l.program(t)
	if err := l.collect(r, t.rounds); r.Err == nil {
		r.Err = err
	}
	if r.Err == nil {
		r.Err = r.check()
	}
}

// Patterns for the commands in the logs of curl and lftp.
var (
	dataCommand    = regexp.MustCompile(`(?m)^(?:> |---> )(PASV|EPSV|PORT|EPRT)\b`)
	protectCommand = regexp.MustCompile(`(?m)^(?:> |---> )PROT P\b`) // RFC 4217: TLS for data
)

// check compares the outcome with the session's parameters.
func (r *Result) check() error {
	switch {
	case r.stored == "":
		return fmt.Errorf("no real server has all uploads with the correct content")
	case r.loaded == "":
		return fmt.Errorf("the downloads are not the files of one real server")
	case protectCommand.MatchString(r.Log) != (r.Security != Plain):
		return fmt.Errorf("PROT P (TLS for data) in the client's log: %t, but security is %s", r.Security == Plain, r.Security)
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

// locate fills in the real servers that the sessions reached, and the source
// addresses of data connections to the client.
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

// Complete reports whether every file arrived with the correct content.
func (r *Result) Complete() bool { return r.Bytes == r.Size }

// SameServer reports whether the control connection, all data connections and all
// files were on one real server.
func (r *Result) SameServer() bool {
	return r.Control != "" && r.stored == r.Control && r.loaded == r.Control && len(r.Data) > 0 &&
		!slices.ContainsFunc(r.Data, func(name string) bool { return name != r.Control })
}
