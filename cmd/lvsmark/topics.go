package main

import "github.com/spf13/cobra"

// topics returns the help topics that are not verbs.
func topics() []*cobra.Command {
	return []*cobra.Command{
		{Use: "spec", Short: "the file that describes the clusters", Long: specTopic},
		{Use: "json", Short: "the JSON output of -o json", Long: jsonTopic},
		{Use: "exit-status", Short: "the exit statuses", Long: exitStatusTopic},
	}
}

const exitStatusTopic = `0  done; for diff and status: the kernel matches the spec; for verify: equivalent;
   for import and doctor: no findings; for probe: every session succeeded
1  for diff and status: the kernel differs from the spec; for verify: different or
   not proven; for import, doctor and probe: findings; for drain: something is left
   after --timeout
2  an error, with a line for each cause on standard error

After an error nothing is changed. Mistakes in the spec, an invalid command line
and missing privileges are reported before the first change; when a later step
fails, the steps before it are rolled back. There are two exceptions, and the
message lists what remains: a rollback that failed, and an interrupted drain or
apply --drain. Mistakes in the spec are printed as file:line:column: message, all other
errors as lvsmark: message.

Ctrl-C, SIGTERM, SIGQUIT and SIGHUP are errors in this sense: the steps that were made
are rolled back. SIGHUP comes when the terminal or the ssh session ends; start lvsmark
with nohup or in tmux to let it continue. The second Ctrl-C, SIGTERM or SIGQUIT ends
lvsmark at once and leaves the steps; the next apply or delete continues from there.`

const specTopic = `The spec is strict YAML; its default path is /etc/lvsmark/lvsmark.yaml. 'lvsmark
check' prints every mistake in it. The shortest FTP cluster:

  clusters:
    - name: ftp
      mark: 21                  # the fwmark of all its packets
      vips: [198.51.100.21]     # addresses, networks, ranges; IPv4 and IPv6 may be mixed
      ftp: {}                   # control on 21, passive data on 10000-20000
      real-servers:
        - address: 10.0.0.11
        - address: 10.0.0.12

The other keys, with their defaults or an example:

      ftp:
        control-ports: [21]           # 990 as well for implicit TLS
        passive-ports: 10000-20000    # as on the FTP servers; also a list
        passive-shards: 0             # so many equal parts, one for each real server
        active-data:                  # with forwarding nat only
          translate: masquerade       # or snat (to the VIP), or none
          source: 10.0.0.0/24         # default: the real servers' addresses
          ports: [20]                 # 989 as well for implicit TLS
      vip-device: eth0                # apply adds the VIPs to it; default: none
      only:                           # the other packets get no mark; default: all do
        sources: [203.0.113.0/24]     # client networks
        devices: [eth0]               # by which packets come in
        except-macs: ["02:00:00:00:00:02"]    # of senders
      forwarding: nat                 # or direct, or tunnel
      source-nat: none                # or masquerade, or snat (to the VIP)
      scheduler: wlc
      scheduler-flags: []             # of sh and mh
      one-packet: false               # true: UDP only
      persistence: 5m                 # 0 turns it off
      persistence-netmask: 32         # default: the whole address

A real server may have a name, a weight (1; with 0 it gets no new connections), a
port (0: the client's), an upper-threshold and a lower-threshold of connections, a
forwarding of its own, and with it tunnel: {type: gue, port: 6080, checksum: none}.
With passive-shards, persistence is 0; shard: 0 gives a real server its part, and
shard-marks is the mark of the first one.

For another service, a cluster has the key ports in place of ftp, for example
ports: [80, 443, udp/443, sctp/2905], or [all].

Settings of the director:

  director:
    table: lvsmark            # name of the nftables tables
    bind: true                # false: another program owns IPVS
    marks: every-packet       # or first-packet
    keep-marks: false         # true: marks are set again right before IPVS
    local-clients: false      # true: packets of the director itself are marked too
    ip-forward: true          # default: true when a cluster forwards by nat
    ipvs-timeouts: {tcp: 2h, tcp-fin: 2m, udp: 5m}
    sysctls: {net.ipv4.vs.expire_nodest_conn: 1}
    sync:                     # sync daemons of IPVS, for a second director
      {role: both, device: eth1, id: 1, maxlen: 1472, group: 224.0.0.81, port: 8848, ttl: 1}
    vrrp:                     # keepalived moves the VIPs: render keepalived writes its file
      {device: eth0, router-id: 51, priority: 150, peers: [192.0.2.2], source: 192.0.2.1,
       gateways: [{address: 10.0.0.1, device: eth1}], interval: 1s, preempt: false}

docs/spec.md describes each key.`

const jsonTopic = `With -o json a verb prints one document. Its version changes when a member is
removed or changes its meaning, not when a member is added. Lists are never null.
Errors are lines on standard error in both formats; after an error, only check
prints a document.

check:

  {"version": 1, "file": "…", "valid": false,
   "mistakes": [{"file": "…", "line": 3, "column": 5, "message": "…"}],
   "notes": [], "clusters": 0, "vips": 0, "real_servers": 0,
   "passive": [{"cluster": "ftp", "data_connections": 10001},
               {"cluster": "sharded", "shards": [{"shard": 0, "ports": "10000-12499", "mark": 22,
                "real_servers": ["rs1"], "data_connections": 2500}]}]}

  notes have the form of mistakes. The counts are 0 if the spec is invalid.
  vip_networks is the number of networks and ranges in vips; it is omitted if it is 0.
  passive is how many data connections at a time the passive ports of each FTP cluster
  allow for each real server, without ports below 1024, which FTP servers do not use;
  it is omitted if there is no FTP cluster. With passive-shards, shards has those with
  a real server.

diff, plan, apply, delete:

  {"version": 1,
   "changes": [{"op": "add", "kind": "element", "where": "map ip lvsmark tcp_21_10000-20000",
                "after": "198.51.100.21 : 0x00000015", "impact": {"effect": "safe"}},
               {"op": "delete", "kind": "real-server", "where": "service fwmark 21 IPv4",
                "before": "10.0.0.12:0 -m -w 1",
                "impact": {"effect": "cuts", "connections": 12, "cluster": "ftp",
                           "server": "10.0.0.12", "detail": "…"}}],
   "notes": ["…"], "warnings": ["…"], "changed": true}

  op is add, delete or edit; an added object has no before, a deleted one no
  after. effect is safe, drains or cuts. connections is the number of connections
  that are cut; it is omitted if it is 0. unknown is true if that number is not
  known. changed is true if there are changes: made by apply and delete, found by
  diff, plan and apply --dry-run. warnings name rules of other programs that keep
  packets from their mark or from IPVS; delete has none. apply --confirm adds
  "confirmed": true.

diff --peer:

  {"version": 1, "peer": "…", "changed": true,
   "differences": [{"object": "cluster ftp", "ours": "mark 21", "peer": "mark 22",
                    "reason": "…"}]}

  ours or peer is empty if only the other director has the object.

confirm:

  {"version": 1, "confirmed": true}

verify:

  {"version": 1, "answer": "different",
   "differences": [{"kind": "not served before, served after",
                    "packet": {"protocol": 6, "from": "192.0.2.1:40000", "to": "198.51.100.21:20000",
                               "tcp_flags": 2, "text": "…"},
                    "old": {"outcome": "…", "mark": 0, "steps": []},
                    "new": {"outcome": "…", "mark": 21, "service": "…",
                            "steps": [{"text": "…", "hook": "input", "sent": true, "file": "…", "line": 3}]}}],
   "more": 0,
   "not_proven": [{"file": "…", "line": 4, "text": "…", "reason": "…", "packet": {…}}],
   "not_understood": [{"file": "…", "line": 5, "text": "…", "message": "…"}],
   "findings": […], "assumptions": […],
   "kept": [{"family": "IPv4", "name": "nat", "rules": 1}], "replaced": […]}

  answer is equivalent, different or not proven. old is the old configuration, new
  the spec. A difference of two packets of one client, which persistence joins on
  one side only, has the other one as second. more is the number of further kinds
  of differences. hook is where the rule is asked, omitted if none is. sent is
  omitted unless the packet is on its way from IPVS to a real server. line is
  omitted if the source has no lines. findings has the form of not_understood: it
  lists what a spec does not contain. So has assumptions: what no file says, and
  the answer depends on. kept and replaced are tables of the old side.

import:

  {"version": 1, "spec": "…", "valid": true,
   "findings": [{"file": "fw.sh", "line": 3, "text": "…", "message": "…"}]}

  spec is YAML. valid is false if the spec has mistakes, which are findings of the
  file "spec". line is 0 if the source has no lines; then text names the object.

explain:

  {"version": 1, "packet": {…}, "active": false, "treatment": {…},
   "real_servers": ["10.0.0.11"], "persistence": "fwmark 21"}

  packet and treatment are as above. active is true if a real server sends the
  packet. persistence is what connections of a client that keep one real server
  have in common.

doctor:

  {"version": 1, "target": "director",
   "checks": [{"name": "vip-local", "status": "finding", "why": "…", "reason": "…",
               "findings": [{"text": "…", "fix": "…", "apply": false}]}],
   "findings": 1, "not_checked": 0, "fixed": {…}}

  target is the value of --real-server, or director. status is ok, finding or not
  checked; reason says why a check could not be made, and is omitted otherwise. apply
  is true if --fix removes the finding. fixed is what --fix has changed, in the form
  of apply; it is omitted if that is nothing. doctor --list has the members version
  and checks, with name, summary and why.

probe:

  {"version": 1, "ok": false,
   "sessions": [{"cluster": "ftp", "real_server": "rs1", "control": "10.0.0.11:21",
     "mode": "pasv", "tls": "none", "ok": false, "milliseconds": 12.3,
     "steps": [{"name": "connect", "milliseconds": 0.4, "detail": "…"}],
     "findings": [{"step": "pasv", "check": "passive-port", "message": "…"}]}]}

  real_server is omitted if the session is to a VIP. mode is pasv, epsv, port or
  eprt; tls is none, explicit or implicit. check is passive-address, passive-port,
  active-source, active-port, certificate, tls-reuse, list, retrieve, or the name of
  the step.

status:

  {"version": 1, "time": "2026-01-02T03:04:05Z", "in_sync": false,
   "differences": {"marks": 0, "services": 1, "settings": 0, "addresses": 0},
   "last_diff": {"time": "2026-01-02T03:03:30Z", "differences": 1},
   "sync_faults": [{"setting": "ipvs.sync.backup", "reason": "device eth1 does not exist"}],
   "clusters": [{"name": "ftp", "state": "drained",
     "services": [{"mark": 21, "family": "IPv4", "state": "in sync",
       "totals": {"connections": 12, "packets_in": 345, "packets_out": 345,
                  "bytes_in": 6789, "bytes_out": 6789},
       "rates": {…},
       "real_servers": [{"name": "rs1", "address": "10.0.0.11", "port": 0,
         "state": "drained", "detail": "…", "weight": 0,
         "active": 1, "inactive": 0, "persistent": 1,
         "totals": {…}, "rates": {…},
         "passive": {"ports": 10001, "used": 1}}]}]}]}

  state is in sync, drifted, missing, extra, drained or unbound: see 'lvsmark
  status --help'; that of a cluster is the first that is not in sync. marks are
  differences in nftables. sync_faults are the sync daemons of the spec that run and do
  not work. detail is what differs. totals count since the service or real server was
  added, rates are per second; all have 64 bits, and have the same members. weight is
  omitted if the real server is not in the kernel, name if it has none, last_diff if
  lvsmark-diff.timer has left no result, passive if the service has no passive ports.
  The packets that carried a mark are packets_in of its service.

drain:

  {"version": 1, "cluster": "ftp", "server": "rs1", "drained": true,
   "active": 0, "inactive": 0, "persistent": 0, "changes": […], "notes": ["…"]}

  active, inactive and persistent are what is left. changes has the form of diff,
  and is empty if the weight was 0 already. With --undo, drained is false.

A plan file (plan -O):

  {"version": 1, "changed": true, "netns": "…", "adopt": true,
   "spec": {"file": "…", "sha256": "…"},
   "kernel": {"nftables_generation": 7, "ipvs_sha256": "…"},
   "changes": […], "notes": […], "warnings": […],
   "after": {"nftables": "…", "ipvs": "…"}, "sha256": "…"}

  changes, notes and warnings are as above. netns and ipvs_sha256 are omitted if
  they are empty, adopt if it is false. sha256 is that of all other members: apply
  refuses a file that was edited.

render:

  {"version": 1, "target": "nft", "text": "…"}

version:

  {"version": 1, "lvsmark": "…", "go": "…", "platform": "…", "revision": "…",
   "modified": true}

  revision is omitted if the build does not know it. modified is true if the source
  differed from the revision; otherwise it is omitted.`
