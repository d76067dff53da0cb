"""Secrets in what a host shows never reach the store, whatever the format; what is no secret stays as it was."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from evidence.collectors.redaction import MARK, redacted, spans
from evidence.formats.table import detect
from evidence.host import read_host
from evidence.rules import Artefact
from tests.house.source import TOP

SECRET = b"c4nary-S3cret"
CASES = [
    ("rsyslog.conf", b'action(type="ommysql" server="db" uid="log" pwd="c4nary-S3cret")\n'),
    ("rsyslog.conf", b'action(type="omsnmp" server="10.0.0.1" community="c4nary-S3cret")\n'),
    ("rsyslog.conf", b"*.* :ommysql:db-01,Syslog,log,c4nary-S3cret\n"),
    ("rsyslog.conf", b"$ActionSNMPCommunity c4nary-S3cret\n"),
    ("rsyslog.conf", b'action(type="omelasticsearch" server="https://log:c4nary-S3cret@10.0.0.1:9200")\n'),
    ("rsyslog.conf", b'action(type="omkafka" confParam=["sasl.password=c4nary-S3cret"])\n'),
    ("50-remote.conf", b'module(load="omhttp")\naction(type="omhttp" token="c4nary-S3cret")\n'),
    ("journal-upload.conf", b"[Upload]\nURL=https://log:c4nary-S3cret@10.0.0.1\n"),
    ("testparm-s", b"[global]\n\tldapsam:admin password = c4nary-S3cret\n"),
    ("testparm-s", b"[global]\n\tadd user script = /usr/bin/add --password c4nary-S3cret %u\n"),
    ("testparm-s", b"[global]\n\tpassdb backend = ldapsam:ldap://admin:c4nary-S3cret@10.0.0.1\n"),
    ("smb.conf", b"[global]\n\tipsec preshared key = c4nary-S3cret\n"),
    ("/proc/mounts", b"//file/x /mnt cifs rw,username=u,password=c4nary-S3cret,vers=3.0 0 0\n"),
    ("iptables-save", b'*filter\n-A INPUT -m comment --comment "psk=c4nary-S3cret" -j ACCEPT\nCOMMIT\n'),
    ("iptables-save", b"*filter\n-A INPUT -m comment --comment psk=c4nary-S3cret -j ACCEPT\nCOMMIT\n"),
    ("nft-j-list-ruleset", b'{"nftables": [{"rule": {"comment": "community: c4nary-S3cret"}}]}'),
    ("anything", b"-----BEGIN RSA PRIVATE KEY-----\nc4nary-S3cret=\n-----END RSA PRIVATE KEY-----\n"),
    ("dump.txt", b"# Global parameters\n[global]\n\tx:api key = c4nary-S3cret\n"),
    ("rsyslog.conf", b"# x\nfeature abc\n*.* :ommysql:db-01,Syslog,log,c4nary-S3cret\n"),
    *(
        ("r1.cfg", b"version 15.2\n" + line + b"\n")
        for line in (
            b"enable secret 5 c4nary-S3cret",
            b"username bob privilege 15 password 7 c4nary-S3cret",
            b"snmp-server community c4nary-S3cret RO 10",
            b"snmp-server host 10.0.0.1 version 2c c4nary-S3cret",
            b"crypto isakmp key c4nary-S3cret address 10.0.0.9",
            b"tacacs server x\n key 7 c4nary-S3cret",
            b"radius-server host 10.0.0.1 auth-port 1645 acct-port 1646 key 7 c4nary-S3cret",
            b"key chain k\n key 1\n  key-string 7 c4nary-S3cret",
            b"interface Gi0/1\n ip ospf message-digest-key 1 md5 7 c4nary-S3cret",
            b"interface Gi0/1\n standby 1 authentication md5 key-string c4nary-S3cret",
            b"ntp authentication-key 1 md5 c4nary-S3cret 7",
            b"router bgp 1\n neighbor 10.0.0.1 password c4nary-S3cret",
        )
    ),
    *(
        ("fw.cfg", b"ASA Version 9.16(4)\n" + line + b"\n")
        for line in (
            b"passwd c4nary-S3cret encrypted",
            b" ikev1 pre-shared-key c4nary-S3cret",
            b"failover key c4nary-S3cret",
            b"snmp-server host inside 10.0.0.1 community c4nary-S3cret version 2c",
            b" ldap-login-password c4nary-S3cret",
            b"aaa-server t host 10.0.0.1\n key c4nary-S3cret",
        )
    ),
    *(
        ("fw.xml", b'<config urldb="paloaltonetworks">\n' + line + b"\n</config>\n")
        for line in (
            b"<phash>$5$c4nary-S3cret</phash>",
            b"<pre-shared-key>\n  <key>c4nary-S3cret</key>\n</pre-shared-key>",
            b'<private-key src="tpl">c4nary-S3cret</private-key>',
            b"<auth-password>c4nary-S3cret</auth-password>",
            b"<snmp-community-string>c4nary-S3cret</snmp-community-string>",
        )
    ),
    *(
        ("fw.set", b"set deviceconfig system hostname fw\n" + line + b"\n")
        for line in (
            b"set mgt-config users admin phash c4nary-S3cret",
            b'set shared server-profile x secret "c4nary-S3cret 2"',
            b"set network ike gateway g authentication pre-shared-key key c4nary-S3cret",
            b"set deviceconfig system snmp-setting access-setting version v2c snmp-community-string c4nary-S3cret",
        )
    ),
    *(
        ("fw.txt", b"config {\n  mgt-config {\n    " + line + b"\n  }\n}\n")
        for line in (
            b"phash $5$c4nary-S3cret;",
            b'secret "c4nary-S3cret 2";',
            b"pre-shared-key {\n      key c4nary-S3cret;\n    }",
        )
    ),
    *(
        ("fgt.backup", b"config system global\nend\n" + line + b"\nend\n")
        for line in (
            b"config system admin\nedit a\nset password ENC c4nary-S3cret\nnext",
            b"config vpn ipsec phase1-interface\nedit a\nset psksecret c4nary-S3cret\nnext",
            b'config user radius\nedit a\nset secret "c4nary-S3cret"\nnext',
            b'config system snmp community\nedit 1\nset name "c4nary-S3cret"\nnext',
            b"config router bgp\nconfig neighbor\nedit 10.0.0.1\nset password ENC c4nary-S3cret\nnext\nend",
            b"config system snmp user\nedit a\nset auth-pwd ENC c4nary-S3cret\nnext",
        )
    ),
    *(
        ("config.xml", b"<?xml version='1.0'?>\n<pfsense>\n" + line + b"\n</pfsense>\n")
        for line in (
            b"<bcrypt-hash>c4nary-S3cret</bcrypt-hash>",
            b"<pre-shared-key>c4nary-S3cret</pre-shared-key>",
            b"<cert><prv>c4nary-S3cret</prv></cert>",
            b"<rocommunity><![CDATA[c4nary-S3cret]]></rocommunity>",
            b"<ldap_bindpw>\nc4nary-S3cret\n</ldap_bindpw>",
        )
    ),
    ("interfaces", b'{"http_method":"GET","results":[{"name":"wan","password":"ENC c4nary-S3cret"}],"vdom":"root"}'),
    *(("srx.conf", b"version 21.4R3;\n" + text + b"\n") for text in (
        b'system {\n root-authentication {\n  encrypted-password "$6$c4nary-S3cret"; ## SECRET-DATA\n }\n}',
        b'system {\n radius-server {\n  10.0.0.1 secret "c4nary-S3cret"; ## SECRET-DATA\n }\n}',
        b'security {\n ike {\n  policy p {\n   pre-shared-key ascii-text "$9$c4nary-S3cret";\n  }\n }\n}',
        b"snmp {\n community c4nary-S3cret {\n  authorization read-only;\n }\n}",
        b"snmp {\n community c4nary-S3cret;\n}",
        b"protocols {\n bgp {\n  group g {\n   authentication-key c4nary-S3cret;\n  }\n }\n}",
    )),
    *(("srx.set", b"set version 21.4R3\nset system host-name srx\n" + line + b"\n") for line in (
        b'set system root-authentication encrypted-password "$6$c4nary-S3cret"',
        b"set system tacplus-server 10.0.0.1 secret c4nary-S3cret",
        b"set snmp community c4nary-S3cret authorization read-only", b"set groups G snmp community c4nary-S3cret",
        b'set security ike policy p pre-shared-key ascii-text "c4nary-S3cret"',
        b'set system ntp authentication-key 1 type md5 value "$9$c4nary-S3cret"',
    )),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content"), CASES)
def test_a_secret_is_replaced_by_a_mark_that_tells_nothing(name: str, content: bytes) -> None:
    found = redacted(Artefact(name, content, name))
    assert SECRET not in found.content
    assert b"c4nary" not in found.content
    assert spans(found.content) == 1
    assert redacted(found) == found
    other = redacted(Artefact(name, content.replace(SECRET, b"another1"), name))
    assert other.content == found.content


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("testparm-s", b"[global]\n\tencrypt passwords = Yes\n\tpasswd program = /usr/bin/passwd %u\n"),
        ("testparm-s", b"[global]\n\tmachine password timeout = 604800\n\tpassword server = dc-01\n"),
        ("testparm-s", b"[global]\n\tunix password sync = Yes\n\tpasswd chat = *new* %n\\n\n"),
        ("testparm-s", b"[password]\n\tpath = /srv/password\n"),
        ("iptables-save", b"*filter\n-A INPUT -s 10.0.0.1/32 -m set --match-set secret src -j ACCEPT\nCOMMIT\n"),
        ("iptables-save", b'*filter\n-A INPUT -m comment --comment "CHG-42 token server" -j ACCEPT\nCOMMIT\n'),
        ("rsyslog.conf", b'action(type="omfwd" target="10.0.0.1" port="514" protocol="tcp")\n'),
        ("r1.cfg", b"version 15.2\nservice password-encryption\nip access-list extended secret\n remark key x\n"),
        ("fw.set", b"set deviceconfig system x y\nset rulebase security rules password from any\n"),
        ("fw.xml", b'<config urldb="x"><entry name="password"><from><member>secret</member></from></entry></config>'),
        ("fgt.backup", b"config system global\nset admin-ssh-password enable\nset hostname password\nend\n"),
        (
            "srx.set",
            b"set version 21.4R3\nset security address-book global address secret 10.0.0.1/32\n"
            b"set security policies from-zone a to-zone b policy password match source-address secret\n"
            b"set system login password format sha512\nset policy-options community c members 65000:1\n",
        ),
        ("fw.txt", b"vsys1 {\n address {\n  secret {\n   ip-netmask 10.0.0.1;\n  }\n }\n rulebase {\n  x;\n }\n}\n"),
        ("fw.set", b"set config devices localhost.localdomain vsys vsys1 address secret ip-netmask 10.0.0.1\n"),
        ("srx.conf", b"security {\n address-book {\n  global {\n   address secret 10.0.0.1/32;\n  }\n }\n}\n"),
        ("sshd-T", b"passwordauthentication yes\npermitemptypasswords no\n"),
        ("ss-tulpnH", b'tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("secret:x",pid=1,fd=3))\n'),
    ],
)
def test_what_only_speaks_of_secrets_stays(name: str, content: bytes) -> None:
    artefact = Artefact(name, content, name)
    assert redacted(artefact) is artefact


def test_every_golden_dump_is_read_the_same_afterwards() -> None:
    """What holds no secret is not touched."""
    for path in sorted((TOP / "tests" / "corpus").glob("*/*/config")):
        artefact = Artefact(path.parent.name, path.read_bytes(), "")
        assert redacted(artefact).content == artefact.content, path


def test_a_rule_keeps_its_meaning_and_its_comment_says_what_happened() -> None:
    text = b"*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT DROP [0:0]\n"
    text += b'-A INPUT -s 10.0.0.1/32 -p tcp -m comment --comment "CHG-7 psk: c4nary" -j ACCEPT\nCOMMIT\n'
    found = redacted(Artefact("iptables-save", text, "iptables-save -c"))
    reading = read_host([found])
    [rule] = [rule for chain in reading.chains for rule in chain.rules if rule.origin.comment]
    assert rule.origin.comment == "CHG-7 psk: [redacted]"
    assert detect(found).NAME == "iptables-save"


@pytest.mark.parametrize("seed", [b"password=", b"psk: " * 3, b"://a:", b"-----BEGIN PRIVATE KEY-----", b'--comment "'])
def test_no_text_makes_it_slow(seed: bytes) -> None:
    content = (seed * (2_000_000 // len(seed)))[:2_000_000]
    began = time.process_time()
    for name in ("rsyslog.conf", "testparm-s", "iptables-save", "mounts"):
        redacted(Artefact(name, content, ""))
    assert time.process_time() - began < 8


def test_the_mark_is_named_in_the_documentation() -> None:
    assert MARK.decode() in Path(TOP / "docs" / "sources" / "secrets.md").read_text()


def test_the_keys_of_a_vpn_connection_are_taken_out() -> None:
    keys = ("CustomerGatewayConfiguration", "PreSharedKey")
    said = json.dumps({"VpnConnections": [{"VpnConnectionId": "vpn-1", **dict.fromkeys(keys, 'k3y \\ "of" both')}]})
    kept = redacted(Artefact("VpnConnections.json", said.encode())).content
    assert b"k3y" not in kept
    (one,) = json.loads(kept)["VpnConnections"]
    assert one == {"VpnConnectionId": "vpn-1", **dict.fromkeys(keys, "[redacted]")}
    assert redacted(Artefact("VpnConnections.json", kept)).content == kept
