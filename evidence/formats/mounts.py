"""`/proc/mounts`: the file systems of other servers that this one uses, with the terms its kernel agreed on.

Five fields and two numbers a line; blanks in a path are `\\040`. File systems that come from no other server say
nothing. A type that is not in either list and names a server in its source is taken for one of the network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from evidence.formats import statements
from evidence.formats.cursor import Account, Line
from evidence.rules import Artefact, Reading, Statement

NAME = "mounts"
ABOUT = "mount"
FIELDS = 6
OCTAL = re.compile(r"\\([0-7]{3})")
SNIFFED = re.compile(rb"^\S+ /\S* \S+ (?:rw|ro)(?:,\S*)? \d \d$", re.MULTILINE)
NETWORK = frozenset({
    "nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "ncpfs", "afs", "9p", "ceph", "lustre", "glusterfs", "beegfs",
    "gfs2", "ocfs2", "gpfs", "davfs", "sshfs", "fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.s3fs", "fuse.davfs2",
    "fuse.rclone", "fuse.smbnetfs", "fuse.curlftpfs", "autofs.nfs",
})  # fmt: skip
# Of these the source may hold a colon or slashes, and still no server is asked.
LOCAL = frozenset({
    "proc", "sysfs", "tmpfs", "devtmpfs", "devpts", "cgroup", "cgroup2", "overlay", "squashfs", "ext2", "ext3", "ext4",
    "xfs", "btrfs", "zfs", "vfat", "exfat", "ntfs", "iso9660", "udf", "mqueue", "hugetlbfs", "debugfs", "tracefs",
    "securityfs", "pstore", "bpf", "configfs", "fusectl", "autofs", "binfmt_misc", "efivarfs", "nsfs", "ramfs",
    "rpc_pipefs", "nfsd", "selinuxfs", "fuse.lxcfs", "fuse.snapfuse", "fuse.portal", "fuse.gvfsd-fuse", "erofs",
    "aufs", "rootfs", "f2fs", "jfs", "reiserfs", "bcachefs", "fuse", "fuseblk",
})  # fmt: skip
REMOTE = re.compile(r"^(?://[^/]+/|[^/:\s]+:|\[[0-9a-fA-F:]+\]:|[0-9a-fA-F:]+:/)")
SHOWN = ("vers", "sec", "addr", "clientaddr", "proto", "port", "username", "domain", "seal", "sign", "uid", "gid")


def sniff(head: bytes, name: str) -> float:
    """How sure it is that this is such a list, 0 to 1."""
    if SNIFFED.search(head):
        return 0.9
    return 0.6 if name.lower().rstrip().endswith(("/proc/mounts", "/proc/self/mounts", "mounts")) else 0.0


def read(artefacts: Sequence[Artefact]) -> Reading:
    """The network mounts: subject `server:/path` as the kernel shows it, value `rw` or `ro`."""
    return statements.reading(NAME, ABOUT, artefacts, _rows)


def _rows(rows: list[Line], account: Account, point: str) -> Iterator[Statement]:
    for row in rows:
        fields = row.text.split(" ")
        if not row.text.strip():
            account.ignore(row.number)
            continue
        if len(fields) != FIELDS or row.damaged or not (fields[4].isdigit() and fields[5].isdigit()):
            account.fail(row.number, row.text, "not device, place, type, options and two numbers", point)
            continue
        source, place, kind, options = (unescape(one) for one in fields[:4])
        if not is_network(kind, source):
            account.ignore(row.number)
            continue
        account.consume(row.number)
        given = [one.partition("=")[::2] for one in options.split(",")]
        told = [(name, value or "yes") for name, value in given if name in SHOWN]
        access = "ro" if ("ro", "") in given else "rw"
        details = (("on", place), ("type", kind), *told)
        yield Statement(ABOUT, source, access, details, account.origin(row))


def unescape(text: str) -> str:
    """`\\040` and its like as the sign they stand for."""
    return OCTAL.sub(lambda found: chr(int(found[1], 8) & 0xFF), text)


def is_network(kind: str, source: str) -> bool:
    """Whether a file system comes from another server."""
    return kind in NETWORK or (kind not in LOCAL and REMOTE.match(source) is not None)
