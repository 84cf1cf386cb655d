"""Who may connect to what lift3d serves: this machine alone, or whoever knows a token."""

import re
from typing import Final

from lift3d.errors import InputError

__all__ = ["LOOPBACK", "expect_guarded", "is_local"]

LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]", "::1")
"""Names of this machine that no other one can connect to."""

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{16,200}")


def is_local(host: str) -> bool:
    """Whether only this machine can connect to what listens there."""
    return host in LOOPBACK


def expect_guarded(host: str, token: str, deed: str) -> None:
    """`InputError` for an address that others reach without a token, and for tokens easily guessed.

    `deed` is what is done there, for the sentence: "serve", "show people".
    """
    if not is_local(host) and not token:
        raise InputError(
            f"expected a token to {deed} at '{host}', where others can connect, got none: "
            "give one, or bind to 127.0.0.1"
        )
    if token and not _TOKEN.fullmatch(token):
        raise InputError(
            "expected a token of 16 or more letters, digits, - and _, got another: "
            "take secrets.token_urlsafe(24)"
        )
