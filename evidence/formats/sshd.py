"""`sshd -T`: what the SSH server says it accepts, outside its Match blocks.

One keyword and its value a line, in small letters; keywords that may be given more than once have a line each. Without
`-C` no Match block is applied, so what a block allows a user or an address besides is not in the output (sshd(8)).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from evidence.formats import statements
from evidence.formats.cursor import Account, Line
from evidence.rules import Artefact, Reading, Statement

NAME = "sshd"
ABOUT = "sshd"
SNIFFED = re.compile(rb"^(?:permitrootlogin|passwordauthentication|pubkeyauthentication|kbdinteractiveauthentication) ",
                     re.MULTILINE)  # fmt: skip
ROW = re.compile(r"^([a-z][a-z0-9]*)(?: (.*))?$")
# Who may come, as whom, how often, and what he may carry on to other servers.
KEPT = frozenset({
    "port", "listenaddress", "addressfamily", "permitrootlogin", "passwordauthentication",
    "kbdinteractiveauthentication", "challengeresponseauthentication", "pubkeyauthentication",
    "hostbasedauthentication", "gssapiauthentication", "kerberosauthentication", "permitemptypasswords",
    "authenticationmethods", "usepam", "maxauthtries", "maxsessions", "maxstartups", "persourcemaxstartups",
    "logingracetime", "clientaliveinterval", "clientalivecountmax", "allowusers", "allowgroups", "denyusers",
    "denygroups", "allowtcpforwarding", "allowagentforwarding", "allowstreamlocalforwarding", "disableforwarding",
    "gatewayports", "permittunnel", "permitopen", "permitlisten", "x11forwarding", "forcecommand",
    "trustedusercakeys", "authorizedkeysfile", "authorizedkeyscommand", "authorizedprincipalsfile",
    "authorizedprincipalscommand", "strictmodes", "loglevel", "persourcepenalties", "persourcepenaltyexemptlist",
    "pubkeyauthoptions", "refuseconnection",
})  # fmt: skip
# The rest of what OpenSSH 7.4 to 10.0 print: keys, ciphers, comforts. None of it lets anybody in.
SAYS_NOTHING = frozenset({
    "acceptenv", "authorizedkeyscommanduser", "authorizedprincipalscommanduser", "banner", "casignaturealgorithms",
    "channeltimeout", "chrootdirectory", "ciphers", "compression", "exposeauthinfo", "fingerprinthash",
    "gssapicleanupcredentials", "gssapikeyexchange", "gssapikexalgorithms", "gssapistorecredentialsonrekey",
    "gssapistrictacceptorcheck", "gssapienablek5users", "hostbasedacceptedalgorithms", "hostbasedacceptedkeytypes",
    "hostbasedusesnamefrompacketonly", "hostcertificate", "hostkey", "hostkeyagent", "hostkeyalgorithms",
    "ignorerhosts", "ignoreuserknownhosts", "ipqos", "kerberosgetafstoken", "kerberosorlocalpasswd",
    "kerberosticketcleanup", "kerberosuniqueccache", "kerberosusekuserok", "kexalgorithms", "logverbose", "macs",
    "modulifile", "permittty", "permituserenvironment", "permituserrc", "persourcenetblocksize", "pidfile",
    "printlastlog", "printmotd", "pubkeyacceptedalgorithms", "pubkeyacceptedkeytypes", "rdomain", "rekeylimit",
    "requiredrsasize", "rsaminsize", "revokedkeys", "securitykeyprovider", "setenv", "showpatchlevel",
    "sshdauthpath", "sshdsessionpath", "streamlocalbindmask", "streamlocalbindunlink", "subsystem", "syslogfacility",
    "tcpkeepalive", "unusedconnectiontimeout", "usedns", "useprivilegeseparation", "useblacklist", "versionaddendum",
    "x11displayoffset", "x11uselocalhost", "xauthlocation", "debianbanner", "uselogin", "moduli",
})  # fmt: skip


def sniff(head: bytes, name: str) -> float:
    """How sure it is that this is such an output, 0 to 1."""
    if SNIFFED.search(head):
        return 0.95
    return 0.6 if re.search(r"(?:^|[/\s])sshd([-_ .]T)?$", name.strip()) else 0.0


def read(artefacts: Sequence[Artefact]) -> Reading:
    """One statement for each line that says who may come and how: subject the keyword, value as printed."""
    return statements.reading(NAME, ABOUT, artefacts, _rows)


def _rows(rows: list[Line], account: Account, point: str) -> Iterator[Statement]:
    for row in rows:
        if not row.text.strip():
            account.ignore(row.number)
            continue
        found = None if row.damaged else ROW.match(row.text.rstrip())
        if found is None or found[1] not in KEPT | SAYS_NOTHING:
            account.fail(row.number, row.text, "not a keyword of the SSH server that this version knows", point)
        elif found[1] in SAYS_NOTHING:
            account.ignore(row.number)
        else:
            account.consume(row.number)
            yield Statement(ABOUT, found[1], found[2] or "", (), account.origin(row))
