"""How the service is run, and what it takes from strangers."""

import os
from dataclasses import dataclass
from typing import Final

from lift3d.access import expect_guarded, is_local
from lift3d.errors import InputError

__all__ = ["ServeSettings"]

_MOST: Final = {
    "workers": (0, 256),
    "max_batch": (1, 1024),
    "max_wait_ms": (0, 10_000),
    "max_body_mb": (0.001, 1000),
    "max_frames": (1, 1_000_000),
    "max_people": (1, 1000),
    "max_queue": (1, 100_000),
    "max_seconds": (0.1, 86_400),
    "max_slow_seconds": (0.1, 600),
    "max_connections": (1, 100_000),
    "port": (0, 65_535),
}


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """Where the service listens, and its limits.

    Raises `InputError` for numbers out of range, for addresses that others can reach without a token,
    and for tokens that are easily guessed.
    """

    host: str = "127.0.0.1"
    """Where to listen; anywhere but on this machine needs a token."""
    port: int = 8000
    """On which port; 0 takes a free one."""
    token: str = ""
    """What clients must send as `Authorization: Bearer TOKEN`."""
    workers: int = 0
    """Processes that lift; 0 takes one for each processor but one, at most four."""
    max_batch: int = 32
    """Requests that are lifted at once."""
    max_wait_ms: float = 2.0
    """How long a worker waits for more requests; those that come while it works wait anyway."""
    max_body_mb: float = 16.0
    """Megabytes of a request."""
    max_frames: int = 20_000
    """Frames of a request."""
    max_people: int = 50
    """People in a request; the others, seen the least, are left out."""
    max_queue: int = 256
    """Requests that wait; further ones are told when to come again."""
    max_seconds: float = 60.0
    """Waiting, and being lifted; a worker that takes longer is ended."""
    max_slow_seconds: float = 10.0
    """How long a client may take to send a request's head, and each next piece of its body."""
    max_connections: int = 1000
    """Connections that are open at once."""

    def __post_init__(self) -> None:
        for name, (least, most) in _MOST.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise InputError(f"expected {name} from {least} to {most}, got {value}: correct it")
        expect_guarded(self.host, self.token, "serve")

    @property
    def local(self) -> bool:
        """Whether only this machine can connect."""
        return is_local(self.host)

    @property
    def processes(self) -> int:
        """Worker processes in number."""
        return self.workers or max(1, min(4, (os.cpu_count() or 1) - 1))

    @property
    def max_body(self) -> int:
        """Bytes of a request."""
        return int(self.max_body_mb * 1e6)
