#!/bin/sh
# Marks for the FTP cluster, as a host of 2006 keeps them.
. /etc/rc.d/init.d/functions
PATH=/sbin:/usr/sbin:/bin
/sbin/modprobe ip_vs_ftp 2>/dev/null || true
echo 1 > /proc/sys/net/ipv4/ip_forward
sysctl -q -w net.ipv4.vs.conntrack=1

iptables -F; iptables -t mangle -F && iptables -t mangle -X 2>/dev/null
iptables -t mangle -D PREROUTING -p tcp --dport 21 -j MARK --set-mark 21 2>/dev/null
iptables -t mangle -A PREROUTING -p tcp -d 198.51.100.21/32 \
    --dport 21 -j MARK --set-mark 21   # control
sudo -n /usr/sbin/iptables -w 5 -t mangle -A PREROUTING -p tcp -d 198.51.100.21 -m multiport --dports 20,10000:20000 \
	-m comment --comment 'the passive range; not -j DROP' -j MARK --set-mark 21
iptables -t mangle -C PREROUTING -p tcp -d 198.51.100.21 --dport ftp -j MARK --set-xmark 0x15/0xffffffff || iptables -t mangle -A PREROUTING -j DROP
iptables -t mangle -C PREROUTING -j ACCEPT 2>/dev/null || iptables -t mangle -A PREROUTING -j ACCEPT
ip6tables -t mangle -N ftp
ip6tables -t mangle -A PREROUTING -d 2001:db8::21 -j ftp
ip6tables -t mangle -I ftp -p tcp --dport 21 -j MARK --set-mark 21
ip6tables -t mangle -P FORWARD DROP
ip rule add fwmark 21 table 100
ipset create vips hash:ip
iptables -t mangle -A PREROUTING -m set --match-set vips dst -j MARK --or-mark 0x100
ipset -exist add vips 198.51.100.22
ipvsadm -C
ipvsadm -A -f 21 -s wlc -p 900
ipvsadm -a -f 21 -r 10.0.0.11 -g -w 1
iptables-restore --noflush <<'EOF'
*nat
-A POSTROUTING -p tcp --sport 20 -j SNAT --to-source 198.51.100.21
COMMIT
EOF
ipvsadm -R <<EOF
-a -f 21 -r 10.0.0.12 -g -w 1
EOF
exit 0
iptables -t mangle -F
