package main

import "github.com/spf13/cobra"

// topics are what `lvsmark help` knows besides verbs.
func topics() []*cobra.Command {
	return []*cobra.Command{
		{Use: "spec", Short: "the file that describes the clusters", Long: specTopic},
		{Use: "json", Short: "the documents of -o json", Long: jsonTopic},
		{Use: "exit-status", Short: "what the exit status says", Long: exitStatusTopic},
	}
}

const exitStatusTopic = `0  done; for diff: the kernel matches the spec
1  diff only: it does not
2  an error, with a line for each cause on standard error

After an error nothing is changed: a spec with mistakes, a command line that makes
no sense and missing privileges are found before anything is done, and what fails
later is undone. Where that is not so, the message says what is left: of an apply
that could not be undone, or of an interrupted apply --drain. Mistakes in the spec
are printed as file:line:column: message, everything else as lvsmark: message.`

const specTopic = `The spec is strict YAML; its usual place is /etc/lvsmark/lvsmark.yaml. lvsmark
check prints every mistake in it. An FTP cluster needs no more than this:

  clusters:
    - name: ftp
      mark: 21                  # the fwmark of all its packets
      vips: [198.51.100.21]     # IPv4 and IPv6 may be mixed
      ftp: {}                   # control on 21, passive data on 10000-20000
      real-servers:
        - address: 10.0.0.11
        - address: 10.0.0.12

What is left out has these values:

      ftp:
        control-ports: [21]           # 990 as well for implicit TLS
        passive-ports: 10000-20000    # the same as the FTP servers have
        active-data:                  # under nat forwarding only
          translate: masquerade       # or snat (to the VIP), or none
          source: 10.0.0.0/24         # default: the real servers' addresses
          ports: [20]                 # 989 as well for implicit TLS
      forwarding: nat                 # or direct, or tunnel
      scheduler: wlc
      persistence: 5m                 # 0 turns it off
      persistence-netmask: 32         # default: the whole address

Any service of several ports can have a mark: in place of ftp, a cluster has
ports, such as [80, 443, udp/443]. A real server may have a name and a weight; 0
gets no new connections. With vip-device, apply puts the VIPs on that device.

The director itself may be told:

  director:
    table: lvsmark            # name of the nftables tables
    bind: true                # false: another program owns IPVS
    ip-forward: true          # default: true when a cluster forwards by nat
    ipvs-timeouts: {tcp: 2h, tcp-fin: 2m, udp: 5m}
    sysctls: {net.ipv4.vs.expire_nodest_conn: 1}`

const jsonTopic = `With -o json a verb prints one document. Its version is 1 until a member goes or
changes its meaning; new members may come. Lists are never null. Errors are lines
on standard error in any format; after one, only check prints a document.

check:

  {"version": 1, "file": "…", "valid": false,
   "mistakes": [{"file": "…", "line": 3, "column": 5, "message": "…"}],
   "notes": [], "clusters": 0, "vips": 0, "real_servers": 0}

  notes are as mistakes. The counts are 0 when the spec is not valid.

diff, plan, apply, delete:

  {"version": 1,
   "changes": [{"op": "add", "kind": "element", "where": "map ip lvsmark tcp_21_10000-20000",
                "after": "198.51.100.21 : 0x00000015", "impact": {"effect": "safe"}},
               {"op": "delete", "kind": "real-server", "where": "service fwmark 21 IPv4",
                "before": "10.0.0.12:0 -m -w 1",
                "impact": {"effect": "cuts", "connections": 12, "cluster": "ftp",
                           "server": "10.0.0.12", "detail": "…"}}],
   "notes": ["…"], "warnings": ["…"], "changed": true}

  op is add, delete or edit; before is left out when an object is added, after
  when it is deleted. effect is safe, drains or cuts; connections are those that
  are cut, left out when there are none, and unknown is true where their number
  cannot be told. changed says whether there are changes: those that apply and
  delete made, or that diff and apply --dry-run found. warnings name what others do
  that keeps packets from their mark or from IPVS; delete has none. apply --confirm
  adds "confirmed": true.

confirm:

  {"version": 1, "confirmed": true}

A plan file (plan -O):

  {"version": 1, "changed": true, "netns": "…", "adopt": true,
   "spec": {"file": "…", "sha256": "…"},
   "kernel": {"nftables_generation": 7, "ipvs_sha256": "…"},
   "changes": […], "notes": […], "warnings": […],
   "after": {"nftables": "…", "ipvs": "…"}}

  changes, notes and warnings are as above. netns, adopt and ipvs_sha256 are left
  out where they say nothing.

render:

  {"version": 1, "target": "nft", "text": "…"}

version:

  {"version": 1, "lvsmark": "…", "go": "…", "platform": "…", "revision": "…"}`
