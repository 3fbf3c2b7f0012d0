package ftpserver

import (
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/importer/value"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// vsftpdKeys are settings by which vsftpd.conf is recognised.
var vsftpdKeys = map[string]bool{
	"listen": true, "listen_ipv6": true, "listen_port": true, "anonymous_enable": true, "local_enable": true, "write_enable": true,
	"pasv_enable": true, "pasv_min_port": true, "pasv_max_port": true, "pasv_address": true, "connect_from_port_20": true,
	"ftp_data_port": true, "background": true, "ssl_enable": true, "chroot_local_user": true, "xferlog_enable": true,
}

// vsftpdSettings are those that decide about data connections.
type vsftpdSettings struct {
	low, high  uint64
	fixed      bool // connect_from_port_20
	dataPort   uint16
	noPassives bool
}

// vsftpd reads vsftpd.conf. Lines are KEY=VALUE, with space ahead of KEY and of numbers and addresses,
// but not behind KEY; the last value counts.
func (r *reader) vsftpd(text string) {
	f := &oldconfig.FTPServer{Program: "vsftpd", Listen: controlPort, Line: r.at(1, "")}
	v := &vsftpdSettings{dataPort: dataPort}
	for l := range r.eachLine(text) {
		key, word, found := strings.Cut(strings.TrimLeft(l.Text, " \t"), "=")
		if strings.TrimSpace(l.Text) == "" || strings.HasPrefix(key, "#") {
			continue
		}
		if !found {
			r.config.AddNotUnderstood(l, "vsftpd does not start with this line: it has no value")
			continue
		}
		if known := strings.ToLower(strings.TrimRight(key, " \t")); known != key && vsftpdKeys[known] {
			r.config.AddNotUnderstood(l, "vsftpd does not start with this line: write %s=, in lower case and without space", known)
			continue
		}
		if isSwitch(key) && !isSwitchValue(word) {
			r.config.AddNotUnderstood(l, "vsftpd does not start with this line: %q is neither YES nor NO", word)
		}
		r.vsftpdSetting(f, v, key, strings.TrimRight(strings.TrimLeft(word, " \t"), "\r"), l)
	}
	v.settle(f)
	if v.noPassives {
		r.config.AddFinding(f.Line, "passive data connections are off")
	}
	r.config.FTP = append(r.config.FTP, f)
}

func (r *reader) vsftpdSetting(f *oldconfig.FTPServer, v *vsftpdSettings, key, word string, l oldconfig.Line) {
	switch key {
	case "listen_port":
		r.setPort(&f.Listen, word, l)
	case "ftp_data_port":
		r.setPort(&v.dataPort, word, l)
	case "pasv_min_port", "pasv_max_port":
		n, ok := value.Number(word, 0, 65535)
		if !ok {
			r.config.AddNotUnderstood(l, "%q is not a port", word)
			return
		}
		if f.Line = l; key == "pasv_min_port" {
			v.low = n
		} else {
			v.high = n
		}
	case "pasv_address":
		r.setAddress(f, word, l)
	case "pasv_enable":
		v.noPassives = !vsftpdTrue(word)
	case "connect_from_port_20":
		v.fixed = vsftpdTrue(word)
	}
}

// isSwitch reports whether the setting is YES or NO, of those that most files have.
func isSwitch(key string) bool {
	switch key {
	case "listen", "listen_ipv6", "connect_from_port_20", "background", "chroot_local_user":
		return true
	}
	return strings.HasSuffix(key, "_enable")
}

// isSwitchValue reports whether vsftpd takes the value of a switch: space and a carriage return belong
// to the value.
func isSwitchValue(word string) bool {
	switch strings.ToUpper(word) {
	case "YES", "TRUE", "1", "NO", "FALSE", "0":
		return true
	}
	return false
}

func vsftpdTrue(word string) bool {
	word = strings.ToUpper(word)
	return word == "YES" || word == "TRUE" || word == "1"
}

// settle sets the ports as vsftpd does (vsf_privop_pasv_listen of version 3.0.3): it ignores
// a lowest port up to 1024, and a highest one below the lowest.
func (v *vsftpdSettings) settle(f *oldconfig.FTPServer) {
	if v.fixed {
		f.ActivePort = v.dataPort
	}
	if v.low == 0 && v.high == 0 {
		return
	}
	low, high := max(v.low, 1024), uint64(65535)
	if v.high >= low {
		high = v.high
	}
	f.PassivePort = config.PortRange{Protocol: config.TCP, Low: uint16(low), High: uint16(high)}
}
