VIP=198.51.100.21
iptables -t mangle -A PREROUTING -d $VIP -j MARK --set-mark 1
iptables -t mangle -A PREROUTING -d "${VIP}" -j MARK --set-mark 2
$IPT -t mangle -A PREROUTING -j MARK --set-mark 3
iptables -t mangle -A PREROUTING -d {{ vip }} -j MARK --set-mark 4
for port in 20 21; do iptables -t mangle -A PREROUTING -p tcp --dport $port -j MARK --set-mark 5; done
if [ -x /sbin/iptables ]; then
  iptables -t mangle -A PREROUTING -j MARK --set-mark 6
else
  echo none
fi
start() {
  iptables -t mangle -A PREROUTING -j MARK --set-mark 7
}
case "$1" in
start) iptables -t mangle -A PREROUTING -j MARK --set-mark 8 ;;
stop)
  iptables -F ;;
esac
(iptables -t mangle -A PREROUTING -j MARK --set-mark 9)
[ -f /etc/marks ] && iptables -t mangle -A PREROUTING -j MARK --set-mark 10
iptables-restore < /etc/sysconfig/iptables
cat rules | iptables-restore
COUNT=$(iptables -L | wc -l)
start
eval iptables -F
nft -f /etc/nftables.conf
iptables -t mangle -A nowhere -j ACCEPT
iptables -t mangle -A PREROUTING -d 10.0.0.{1,2} -j ACCEPT
iptables-restore <<EOF
*mangle
-A PREROUTING -d $VIP -j ACCEPT
COMMIT
EOF
iptables -t mangle -A PREROUTING -m comment --comment "it's right" -j MARK --set-mark 11
iptables-legacy -t mangle -A PREROUTING -j MARK --set-mark 12
iptables-nft -t mangle -A PREROUTING -j MARK --set-mark 13
iptables -t mangle -A PREROUTING -m comment --comment "open
iptables -t mangle -F
