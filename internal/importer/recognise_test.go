package importer

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestOneLanguage: each language is recognised, and by its own reader only.
func TestOneLanguage(t *testing.T) {
	for text, want := range map[string]string{
		"-A -f 21 -s wlc\n-a -f 21 -r 10.0.0.1:0 -m -w 1\n":                                     "ipvsadm -S",
		"! Configuration File\nvirtual_server fwmark 21 {\n}\n":                                 "keepalived.conf",
		"checktimeout=3\nvirtual=21\n\treal=10.0.0.1:0 masq\n":                                  "ldirectord.cf",
		"serial_no = 1\nvirtual FTP {\n active = 1\n}\n":                                        "lvs.cf",
		"#!/usr/sbin/nft -f\ninclude \"./defs.nft\"\ntable ip m {\n}\n":                         "nft",
		"define VIP=198.51.100.21\ntable ip m {\n}\n":                                           "nft",
		"include \"/etc/nft/defs.nft\"\ntable ip m {\n}\n":                                      "nft",
		"include /etc/keepalived/conf.d/*.conf\n":                                               "keepalived.conf",
		"#!/bin/sh\ncat > keepalived.conf <<E\nglobal_defs {\n}\nvirtual x {\nE\niptables -F\n": "shell",
		"listen=YES\npasv_min_port=10000\n":                                                     "vsftpd.conf, proftpd.conf, pure-ftpd.conf",
		"ServerName x\nPassivePorts 1024 65535\n":                                               "vsftpd.conf, proftpd.conf, pure-ftpd.conf",
		"# start\nAUTO=\"true\"\nDAEMON=\"master\"\nIFACE=eth1\n":                               "/etc/default/ipvsadm",
		"10000 20000\n": "vsftpd.conf, proftpd.conf, pure-ftpd.conf",
		"*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -j RETURN\nCOMMIT\n": "iptables-save",
	} {
		var by []string
		for _, r := range readers() {
			if r.Recognises(text) {
				by = append(by, r.Name)
			}
		}
		assert.Equal(t, []string{want}, by, text)
	}
}
