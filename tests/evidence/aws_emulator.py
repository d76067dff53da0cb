"""An emulator of EC2 and STS on this machine, and a client of somebody who works by hand."""

from __future__ import annotations

import http.client
import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import boto3
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

REGION, KEY = "ap-southeast-2", b"AKIAEXAMPLEEXAMPLE00:secret/of+nobody"
ROLE = "arn:aws:iam::123456789012:role/eastwest-read"


@contextmanager
def running(settings: Any) -> Iterator[str]:
    """The address of a running emulator, to which sources may lead."""
    settings.MAY_REACH = [ipaddress.ip_network("127.0.0.0/8")]
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def by_hand(emulator: str) -> Any:
    """A client of EC2 on an account as it is on the first day."""
    asking = http.client.HTTPConnection(urlsplit(emulator).netloc)
    asking.request("POST", "/moto-api/reset")
    assert asking.getresponse().status == 200
    return client(emulator, "ec2")


def client(emulator: str, service: str) -> Any:
    """A client of another service of that account."""
    uid, _, secret = KEY.decode().partition(":")
    session = boto3.Session(aws_access_key_id=uid, aws_secret_access_key=secret, region_name=REGION)
    return session.client(service, endpoint_url=emulator)
