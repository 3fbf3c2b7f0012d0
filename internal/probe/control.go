package probe

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
)

// maxReply is the number of bytes of one reply.
const maxReply = 64 << 10

var errLongReply = fmt.Errorf("a reply of more than %d KiB", maxReply>>10)

// A control is a control connection.
type control struct {
	conn   net.Conn
	bound  *boundedReader
	buffer *bufio.Reader
	text   *textproto.Reader

	secret string // servers may repeat it in any reply; empty: none
}

func newControl(conn net.Conn) *control {
	bound := &boundedReader{from: conn}
	buffer := bufio.NewReader(bound)
	return &control{conn: conn, bound: bound, buffer: buffer, text: textproto.NewReader(buffer)}
}

// send writes one command. Arguments must have no line breaks.
func (c *control) send(command string) error {
	_, err := io.WriteString(c.conn, command+"\r\n")
	return err
}

// A reply is what a server answers.
type reply struct {
	code    int
	message string // lines separated by \n, without codes
	secret  string // that of the connection
}

func (r reply) String() string { return fmt.Sprintf("%d %s", r.code, r.text()) }

// text returns the message as output may show it.
func (r reply) text() string { return clip(hide(r.message, r.secret)) }

// hide replaces a secret in a text. Old servers answer "500 'PASS secret': command not
// understood".
func hide(text, secret string) string {
	if secret == "" {
		return text
	}
	return strings.ReplaceAll(text, secret, "[password]")
}

// read reads a reply (RFC 959, 4.2). textproto.Reader.ReadResponse is not used: after a first
// line such as "SSH-2.0" it waits for more.
func (c *control) read() (reply, error) {
	c.bound.left = maxReply
	line, err := c.line()
	if err != nil {
		return reply{}, err
	}
	code, ok := replyCode(line)
	if line == "" {
		return reply{}, errors.New("not a reply of FTP: an empty line")
	}
	if !ok {
		return reply{}, fmt.Errorf("not a reply of FTP: %s", clip(hide(line, c.secret)))
	}
	r := reply{code, strings.TrimPrefix(line[3:], " "), c.secret}
	if !strings.HasPrefix(line[3:], "-") {
		return r, nil
	}
	last, lines := line[:3]+" ", []string{line[4:]}
	for !strings.HasPrefix(line, last) {
		if line, err = c.line(); err != nil {
			return reply{}, err
		}
		lines = append(lines, strings.TrimPrefix(line, last))
	}
	r.message = strings.Join(lines, "\n")
	return r, nil
}

func (c *control) line() (string, error) {
	line, err := c.text.ReadLine()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errClosed
	}
	return line, err
}

// replyCode returns the code at the beginning of a line.
func replyCode(line string) (code int, ok bool) {
	if len(line) < 3 || len(line) > 3 && line[3] != ' ' && line[3] != '-' {
		return 0, false
	}
	number, err := strconv.ParseUint(line[:3], 10, 16)
	return int(number), err == nil && number >= 100 && number < 600
}

var errClosed = errors.New("the server closed the control connection")

// expect reads a reply, which must have one of the codes.
func (c *control) expect(codes ...int) (reply, error) {
	r, err := c.read()
	if err != nil {
		return r, err
	}
	if slices.Contains(codes, r.code) {
		return r, nil
	}
	return r, &replyError{r}
}

// command sends a command and reads its reply.
func (c *control) command(command string, codes ...int) (reply, error) {
	if err := c.send(command); err != nil {
		return reply{}, err
	}
	return c.expect(codes...)
}

// A replyError is a reply that does not let the session continue.
type replyError struct{ reply reply }

func (e *replyError) Error() string { return "the server answered " + e.reply.String() }

// A boundedReader reads at most left bytes.
type boundedReader struct {
	from io.Reader
	left int
}

func (r *boundedReader) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, errLongReply
	}
	n, err := r.from.Read(p[:min(len(p), r.left)])
	r.left -= n
	return n, err
}
