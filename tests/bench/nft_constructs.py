"""What an nft rule can be made of: one line a construct, and whether it can be read exactly.

Each line is the body of one base chain in a table that also holds DEFINITIONS; test_nft_kernel.py loads it with the
nft of this machine, reads the dump and asks the kernel. `{X}` stands for a word that the test fills in.
"""

from __future__ import annotations

DEFINITIONS = """
	counter hits { }
	limit slowly { rate 5/second }
	quota little { 10 mbytes }
	ct helper files { type "ftp" protocol tcp; l3proto ip; }
	ct timeout long { protocol tcp; l3proto ip; policy = { established : 100 }; }
	ct expectation later { protocol tcp; dport 9876; timeout 2m; size 12; l3proto ip; }
	set nets { type ipv4_addr; flags interval; auto-merge; elements = { 10.0.0.0/16, 10.16.0.1-10.16.0.9 comment "x" } }
	set nets6 { type ipv6_addr; flags interval; elements = { 2001:db8::/64 } }
	set pairs { typeof ip saddr . tcp dport; flags interval; elements = { 10.0.0.0/12 . 20-30, 10.64.0.1 . 80 } }
	set counted { type inet_service; counter; elements = { 22 counter packets 1 bytes 2, 80 comment "web" } }
	set ports { type inet_service; flags interval; elements = { 1-1023, 8080 } }
	set links { type ifname; flags interval; elements = { "eth*", "lan0" } }
	set seen { type ipv4_addr; size 100; flags dynamic,timeout; timeout 1m; }
	map ways { type ipv4_addr : verdict; flags interval; elements = { 10.0.0.0/12 : jump web, 10.64.0.0/12 : drop } }
	map ports_to { type inet_service : verdict; elements = { 22 : accept, 80 : goto web, 443 : continue, 25 : return } }
	chain web { tcp dport { 80, 443 } accept; }
"""

# Read without any doubt. The rest of the chain drops or accepts what is left, so both answers are seen.
EXACT = r"""
ip saddr 10.0.0.0/12 accept
ip saddr != 10.0.0.0/12 accept
ip daddr 10.0.0.0-10.127.255.255 accept
ip saddr < 10.32.0.0 accept
ip saddr >= 10.32.0.0 accept
ip saddr & 255.240.0.0 == 10.0.0.0 accept
ip saddr & 255.240.0.0 == { 10.0.0.0, 10.64.0.0 } accept
ip saddr & 255.240.0.0 != { 10.0.0.0, 10.64.0.0 } accept
ip6 saddr 2001:db8::/48 accept
ip6 daddr != { 2001:db8::/64, 2001:db8::1:0:0:0 } accept
ip saddr @nets accept
ip saddr != @nets accept
ip6 saddr @nets6 accept
ip saddr . tcp dport @pairs accept
ip saddr . tcp dport != @pairs accept
tcp dport @counted accept
tcp dport @ports accept
udp dport != @ports accept
tcp dport 1-1024 accept
tcp dport != { 22, 80-90 } accept
udp sport >= 1024 udp dport 53 accept
th dport 53 meta l4proto { tcp, udp } accept
ip saddr . meta l4proto . th dport { 10.0.0.0/12 . tcp . 22, 10.0.0.0/8 . udp . 53 } accept
ip protocol { tcp, 47 } accept
ip protocol != udp accept
meta l4proto { tcp, icmp, ipv6-icmp } accept
meta l4proto != tcp accept
meta nfproto ipv4 accept
meta protocol ip6 accept
icmp type { echo-request, 13 } accept
icmp type echo-request icmp code 0 accept
icmpv6 type { echo-request, nd-neighbor-solicit, 1-4 } accept
iifname "eth*" accept
iifname != { "eth0", "lan0" } accept
iifname @links accept
iifname vmap { "eth0" : accept, "lan0" : drop, "lan1" : jump web }
iifname . ip saddr { "eth0" . 10.0.0.0/8 } accept
ct state new,established accept
ct state { new, related } accept
ct state != invalid accept
ct state vmap { invalid : drop, established : accept, related : accept, new : jump web }
ct direction original accept
ct status dnat accept
ct status & dnat == dnat accept
tcp flags syn / fin,syn,rst,ack accept
tcp flags { syn, syn|ack } accept
tcp flags & (fin|syn) == fin|syn accept
tcp flags != syn accept
tcp flags syn,ack accept
tcp flags & (fin|syn) vmap { syn : accept, fin : drop }
ip daddr vmap @ways
tcp dport vmap @ports_to
tcp dport vmap { 22 : accept, 80-90 : jump web, * : drop }
ip saddr . tcp dport vmap { 10.0.0.0/8 . 22 : accept, 10.0.0.0/8 . 80-90 : jump web }
tcp dport { 22, 80 } counter accept comment "CHG-9: web"
counter name hits accept
counter name ip saddr map { 10.0.0.1 : "hits" } accept
ip dscp set cs1 accept
ip ttl set 64 accept
ip6 hoplimit set 64 accept
meta mark set 5 accept
meta mark set tcp dport map { 22 : 7, 80 : 8 } accept
ct mark set mark accept
log prefix "seen " level info accept
ct helper set "files" accept
ct timeout set "long" accept
delete @seen { ip saddr } accept
reject with icmp port-unreachable
reject with icmpv6 admin-prohibited
meta nfproto ipv4 reject
tcp dport 22 reject
goto web
jump web
return
continue
""".strip().splitlines()

# Read with residue: such a rule may or may not match, and nothing else of the chain is touched by that.
DOUBTFUL = r"""
limit rate 5/minute accept
limit rate over 10 mbytes/second drop
limit name "slowly" accept
quota over 10 mbytes drop
quota name "little" accept
ct count over 10 drop
add @seen { ip saddr } accept
update @seen { ip saddr timeout 5m } accept
add @seen { ip saddr limit rate 5/second } accept
ip saddr @seen accept
meter m { ip saddr limit rate 5/second } accept
meta mark 0x10 accept
meta mark & 0xff == 0x10 accept
ct mark 5 accept
ct helper "ftp" accept
ct original ip saddr 10.0.0.1 accept
ct bytes > 1000 drop
ct zone 1 accept
ct label 5 accept
meta skuid 0 accept
meta skgid { 0, 1 } accept
meta pkttype { broadcast, multicast } drop
meta iiftype ether accept
meta cpu 0 accept
meta hour "09:00"-"17:00" accept
meta day "Monday" accept
meta time >= "2024-01-01 00:00:00" accept
meta iifgroup 1 accept
meta length > 100 accept
fib saddr . iif oif missing drop
rt classid 5 accept
rt ipsec exists accept
socket transparent 1 accept
osf name "Linux" accept
tcp option sack-perm exists accept
tcp option maxseg size set 1400 accept
reset tcp option sack-perm accept
ip option lsrr exists drop
sctp chunk init exists accept
exthdr frag exists drop
frag more-fragments 1 drop
ip frag-off & 0x1fff != 0 drop
ip dscp cs1 accept
ip length > 100 accept
ip ttl < 5 drop
icmp id 5 accept
icmpv6 mtu 1280 accept
ether saddr 00:11:22:33:44:55 accept
vlan id 5 accept
@th,0,16 53 accept
@nh,96,32 0x0a000001 accept
@ll,0,48 0x1 accept
th dport 53 accept
tcp dport & 1 == 1 accept
ip saddr & 255.0.0.255 == 10.0.0.1 accept
ip saddr . meta mark { 10.0.0.1 . 5 } accept
numgen random mod 2 vmap { 0 : accept, 1 : drop }
jhash ip saddr mod 2 vmap { 0 : accept, 1 : drop }
symhash mod 2 0 accept
numgen inc mod 10 < 5 accept
ipsec in reqid 5 accept
meta mark set ct mark accept
reject with tcp reset
queue
""".strip().splitlines()

# Whole rulesets, with `forward` and translations: read with doubts only where the comment says so.
WHOLE = {
    "status dnat that nobody gives": """
table inet f {
	chain onward { type filter hook forward priority 0; policy drop;
		ct status dnat accept
		tcp dport { 22, 80 } accept
	}
}
""",
    "status dnat in one family": """
table ip nat {
	chain pre { type nat hook prerouting priority dstnat; policy accept;
		tcp dport 8080 dnat to 10.16.0.9:80
	}
}
table inet f {
	chain onward { type filter hook forward priority 0; policy drop;
		ct status dnat accept
		ct state new tcp dport { 22, 443 } accept
	}
}
""",
    "translations by map": """
table ip nat {
	map to { type ipv4_addr . inet_service : ipv4_addr . inet_service
		elements = { 10.32.0.1 . 80 : 10.16.0.9 . 8080, 10.32.0.1 . 22 : 10.16.0.10 . 443 }
	}
	chain pre { type nat hook prerouting priority dstnat; policy accept;
		dnat to ip daddr . tcp dport map @to
		dnat to udp dport map { 53 : 10.16.0.53, 80 : 10.16.0.54 }
		dnat to tcp dport map { 8443 : 10.16.0.11 }
	}
	chain post { type nat hook postrouting priority srcnat; policy accept;
		snat to ip daddr map { 10.16.0.9 : 10.48.0.1 }
	}
}
table inet f {
	chain onward { type filter hook forward priority 0; policy drop;
		ip daddr { 10.16.0.9, 10.16.0.53 } accept
		ip daddr 10.16.0.10 tcp dport 443 accept
		tcp dport { 22, 8443 } accept
	}
}
""",
    "a chain at a device": """
table netdev early {
	chain in { type filter hook ingress device LINK priority 0; policy accept;
		tcp dport { 22, 80 } drop
		ip saddr 10.0.0.0/12 drop
	}
}
table inet f {
	chain onward { type filter hook forward priority 0; policy drop;
		ip saddr 10.64.0.0/12 drop
		accept
	}
}
""",
    "zones, jumps and maps": """
table inet zones {
	map by_link { type ifname : verdict; elements = { "eth0" : goto open, "lan0" : jump narrow } }
	chain open { meta l4proto { icmp, ipv6-icmp } accept; tcp dport { 22, 80 } accept; return; }
	chain narrow { ip saddr 10.0.0.0/12 return; ip6 saddr 2001:db8::/64 return; drop; }
	chain early { type filter hook prerouting priority -290; policy accept; ip saddr 10.64.0.0/12 drop; }
	chain onward { type filter hook forward priority filter + 10; policy accept;
		ct state vmap { established : accept, related : accept, invalid : drop }
		iifname vmap @by_link
		udp dport 53 accept
		reject with icmpx admin-prohibited
	}
}
""",
}
