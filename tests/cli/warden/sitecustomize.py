"""Ends a process that reaches for the network: it finds no host but this machine, and may look no name up."""

import ipaddress
import os
import sys
from typing import Any

CODE = 99


def _is_here(host: object) -> bool:
    try:
        return ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return False


def _watch(event: str, details: tuple[Any, ...]) -> None:
    if event == "socket.connect" and isinstance(details[1], tuple):
        host = details[1][0]
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = details[0]
    else:
        return
    if not _is_here(host):
        os.write(2, f"a process that a test started tried to reach {host}\n".encode())
        os._exit(CODE)


sys.addaudithook(_watch)
