"""A device with a Cisco command line behind a real SSH server: it echoes, prompts, pages, and misbehaves when told."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

HITS = "Extended IP access list APP-IN\n    10 permit tcp any host 10.20.30.31 eq 5432 (42 matches)\n"
PAGE = 20  # lines of a page where nobody switched the pager off


def host_key() -> paramiko.PKey:
    """A new host key."""
    made = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    return paramiko.Ed25519Key.from_private_key(io.StringIO(made.decode()))


@dataclass
class Device:
    """What it holds and how it behaves. `moods`: pager_stuck, cut, slow, refuses, banner, no_prompt, drops, asa."""

    config: str
    password: str = "let me read"
    enable: str = ""
    moods: set[str] = field(default_factory=set)
    key: paramiko.PKey = field(default_factory=host_key)
    port: int = 0
    hits: str = HITS
    said: list[str] = field(default_factory=list)
    sessions: int = 0
    refused: int = 0

    @property
    def pin(self) -> str:
        """The host key as a source keeps it."""
        return f"{self.key.get_name()} {self.key.get_base64()}"


class _Server(paramiko.ServerInterface):
    def __init__(self, device: Device) -> None:
        self.device, self.shell = device, threading.Event()

    def get_allowed_auths(self, username: str) -> str:
        return "password"

    def check_auth_password(self, username: str, password: str) -> int:
        if password == self.device.password:
            return paramiko.AUTH_SUCCESSFUL
        self.device.refused += 1
        return paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def check_channel_pty_request(self, *_: object) -> bool:
        return True

    def check_channel_shell_request(self, channel: paramiko.Channel) -> bool:
        self.shell.set()
        return True


@contextmanager
def running(device: Device) -> Iterator[Device]:
    """The device at a port of this machine."""
    listener = socket.create_server(("127.0.0.1", 0))
    device.port = listener.getsockname()[1]
    over = threading.Event()

    def accept() -> None:
        while not over.is_set():
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(plain, device, over), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield device
    finally:
        over.set()
        listener.close()


def serve(plain: socket.socket, device: Device, over: threading.Event) -> None:
    """One session."""
    with suppress(paramiko.SSHException, EOFError, OSError):
        transport = paramiko.Transport(plain)
        transport.add_server_key(device.key)
        server = _Server(device)
        transport.start_server(server=server)
        channel = transport.accept(10)
        if channel is not None and server.shell.wait(10):
            device.sessions += 1
            Terminal(device, channel, over).talk()
        transport.close()


class Terminal:
    """The command line of one session."""

    def __init__(self, device: Device, channel: paramiko.Channel, over: threading.Event) -> None:
        self.device, self.channel, self.over = device, channel, over
        self.privileged, self.paged = not device.enable, True

    def talk(self) -> None:
        moods = self.device.moods
        if "banner" in moods:
            self.say("\r\n*** Property of the agency. Do not touch #\r\n")
        if "no_prompt" in moods:
            self.say("\r\nPress a key to accept the terms: ")
            self.over.wait(20)
            return
        self.prompt()
        line = ""
        while not self.over.is_set():
            part = self.channel.recv(1024).decode("utf-8", "replace")
            if not part:
                return
            for sign in part:
                if sign != "\r":
                    line += sign
                    continue
                self.say(f"{line}\r\n")
                command, line = line, ""
                self.device.said.append(command)
                if command == "exit":
                    return
                if not self.answer(command):
                    return
                self.prompt()

    def answer(self, command: str) -> bool:
        device, moods = self.device, self.device.moods
        if command == ("terminal pager 0" if "asa" in moods else "terminal length 0"):
            self.paged = "pager_stuck" in moods
        elif command == "enable" and not self.privileged:
            self.say("Password: ")
            given = self.channel.recv(1024).decode().rstrip("\r")
            self.say("\r\n")
            self.privileged = given == device.enable
            if not self.privileged:
                self.say("% Bad secrets\r\n\r\n")
        elif command == "show running-config" and self.privileged and "refuses" not in moods:
            return self.show(device.config)
        elif command == ("show access-list" if "asa" in moods else "show access-lists") and self.privileged:
            return self.show(device.hits)
        elif command:
            self.say("            ^\r\n% Invalid input detected at '^' marker.\r\n\r\n")
        return True

    def show(self, text: str) -> bool:
        lines = text.splitlines()
        moods = self.device.moods
        if "cut" in moods:
            lines = lines[: len(lines) // 2]
        for number, line in enumerate(lines, start=1):
            if "drops" in moods and number > len(lines) // 2:
                return False
            if "slow" in moods and number > 3:
                self.over.wait(30)
                return False
            if self.paged and number % PAGE == 0:
                self.say(" --More-- ")
                self.over.wait(30)
                return False
            self.say(f"{line}\r\n")
        return True

    def prompt(self) -> None:
        self.say("core-01#" if self.privileged else "core-01>")

    def say(self, text: str) -> None:
        self.channel.sendall(text.encode())
