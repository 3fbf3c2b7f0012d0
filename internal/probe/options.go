package probe

import (
	"crypto/x509"
	"net/netip"
	"time"

	"github.com/lvsmark/lvsmark/config"
)

// A Mode is the command by which a client requests a data connection.
type Mode string

// The modes of RFC 959 and RFC 2428.
const (
	PASV Mode = "pasv" // IPv4 only
	EPSV Mode = "epsv"
	PORT Mode = "port" // IPv4 only
	EPRT Mode = "eprt"
)

// Modes returns the modes of a family.
func Modes(f config.Family) []Mode {
	if f == config.IPv4 {
		return []Mode{PASV, EPSV, PORT, EPRT}
	}
	return []Mode{EPSV, EPRT}
}

func (m Mode) active() bool { return m == PORT || m == EPRT }

// A TLS is the way in which TLS protects control and data connections.
type TLS string

// The ways of RFC 4217; implicit TLS is older than it.
const (
	NoTLS    TLS = "none"
	Explicit TLS = "explicit"
	Implicit TLS = "implicit"
)

// Options are what the client does in each session.
type Options struct {
	TLS          TLS
	Roots        *x509.CertPool // nil: those of the system
	ServerName   string         // name that the certificate must have; empty: Target.ServerName
	Insecure     bool           // any certificate is accepted
	MaxTLS12     bool           // TLS 1.2 at most
	RequireReuse bool           // a data connection with a new TLS session is a finding

	User, Password string     // empty: anonymous
	Retrieve       string     // path of a file; empty: the working directory is listed
	Source         netip.Addr // the client's address; zero: the kernel selects it

	// Sockets calls a function that opens sockets, on the thread and in the network namespace
	// that they shall have. nil: it is called directly.
	Sockets func(func() error) error

	Progress func(s Session, step string) // nil, or called at the beginning of each step

	Timeout time.Duration // of all sessions together
}

// A Step is a part of a session.
type Step struct {
	Name   string
	Time   time.Duration
	Detail string // may have any bytes of the server
}

// A Finding is the reason why a session failed.
type Finding struct {
	Step    string
	Check   string // the step, or the check of the spec that failed
	Message string // may have any bytes of the server
}

// A Session is a session to make.
type Session struct {
	Target
	Mode Mode // one of the modes of the target's family
}

// A Result is what became of a session.
type Result struct {
	Session
	Steps   []Step
	Finding *Finding // nil: the session succeeded
}

// Time returns the duration of the session.
func (r *Result) Time() (sum time.Duration) {
	for _, s := range r.Steps {
		sum += s.Time
	}
	return sum
}
