"""Counters and histograms in the text form of Prometheus (version 0.0.4).

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import threading
import time
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

__all__ = ["Histogram", "Metrics"]

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_SIZES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)


class Histogram:
    """How many values lie under each bound, all in all, and their sum."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0

    def add(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def lines(self, name: str, labels: str = "") -> list[str]:
        """Samples in cumulative form; `labels` as `key="value"`."""
        out: list[str] = []
        below, comma = 0, "," if labels else ""
        for bound, count in zip((*map(str, self._bounds), "+Inf"), self._counts, strict=True):
            below += count
            out.append(f'{name}_bucket{{{labels}{comma}le="{bound}"}} {below}')
        braced = f"{{{labels}}}" if labels else ""
        return [*out, f"{name}_sum{braced} {self._sum:.6f}", f"{name}_count{braced} {below}"]


class Metrics:
    """What the service counts. Labels are routes and statuses of our own, never what clients sent."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: dict[tuple[str, int], int] = {}
        self._seconds: dict[str, Histogram] = {}
        self._batches = Histogram(_SIZES)
        self._frames = 0
        self._lost = 0

    @staticmethod
    def now() -> float:
        """Seconds of the monotonic clock."""
        return time.monotonic()

    def request(self, route: str, status: int, seconds: float) -> None:
        """A request that was answered after so many seconds."""
        with self._lock:
            self._requests[route, status] = self._requests.get((route, status), 0) + 1
            self._seconds.setdefault(route, Histogram(_SECONDS)).add(seconds)

    def frames(self, count: int) -> None:
        """Frames that were lifted, of everybody."""
        with self._lock:
            self._frames += count

    def batch(self, size: int) -> None:
        """Requests that went to a worker together."""
        with self._lock:
            self._batches.add(float(size))

    def lost(self) -> None:
        """A worker that had to be replaced."""
        with self._lock:
            self._lost += 1

    def text(self, waiting: int, *, ready: bool) -> str:
        """Everything; `waiting` requests have no worker yet."""
        with self._lock:
            lines = _head("lift3d_requests_total", "counter", "Requests answered.")
            for (route, status), count in sorted(self._requests.items()):
                lines.append(f'lift3d_requests_total{{route="{route}",status="{status}"}} {count}')
            lines += _head("lift3d_request_seconds", "histogram", "From head to answer.")
            for route, histogram in sorted(self._seconds.items()):
                lines += histogram.lines("lift3d_request_seconds", f'route="{route}"')
            lines += _head("lift3d_batch_size", "histogram", "Requests that were lifted together.")
            lines += self._batches.lines("lift3d_batch_size")
            for name, kind, what, value in (
                ("lift3d_frames_total", "counter", "Frames lifted.", self._frames),
                ("lift3d_workers_lost_total", "counter", "Workers replaced.", self._lost),
                ("lift3d_waiting", "gauge", "Requests without a worker yet.", waiting),
                ("lift3d_ready", "gauge", "Whether a worker is ready.", int(ready)),
            ):
                lines += [*_head(name, kind, what), f"{name} {value}"]
        return "\n".join(lines) + "\n"


def _head(name: str, kind: str, what: str) -> list[str]:
    return [f"# HELP {name} {what}", f"# TYPE {name} {kind}"]
