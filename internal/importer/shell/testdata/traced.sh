+ VIP=198.51.100.21
+ for port in 20 21
+ iptables -t mangle -A PREROUTING -d 198.51.100.21 -p tcp --dport 20 -j MARK --set-mark 1
+ for port in 20 21
+ iptables -t mangle -A PREROUTING -d 198.51.100.21 -p tcp --dport 21 -m comment --comment 'a $b' -j MARK --set-mark 1
++ hostname
+ '[' -x /sbin/iptables ']'
+ iptables -t mangle -A PREROUTING -j ACCEPT
