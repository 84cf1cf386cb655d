"""What a run writes for people: `config.json`, `log.jsonl`, and events for TensorBoard."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lift3d.io.files.atomic import atomic_path

__all__ = ["Journal"]


class Journal:
    """The log of one run; one that is resumed goes on where the checkpoint stands.

    Lines that were written after the last checkpoint are taken back, since their steps come again.
    """

    def __init__(self, output: Path, config: str, step: int) -> None:
        from tensorboardX import SummaryWriter

        self.path = output / "log.jsonl"
        kept = [entry for entry in self._entries() if entry["step"] <= step]
        self.cpu_seconds = float(kept[-1].get("cpu_seconds", 0.0)) if kept else 0.0
        with atomic_path(self.path) as partial:
            partial.write_text(
                "".join(json.dumps(entry) + "\n" for entry in kept), encoding="utf-8"
            )
        with atomic_path(output / "config.json") as partial:
            partial.write_text(json.dumps(json.loads(config), indent=2) + "\n", encoding="utf-8")
        self._events: Any = SummaryWriter(
            logdir=str(output / "tensorboard"), purge_step=step + 1 if step else None
        )

    def _entries(self) -> list[dict[str, Any]]:
        if not self.path.exists():
            return []
        entries: list[dict[str, Any]] = []
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                entries.append(json.loads(line))
            except ValueError:  # the process ended in the middle of a line
                break
        return entries

    def write(self, step: int, figures: Mapping[str, float | int]) -> None:
        """One line, and one point of each curve."""
        entry = {"step": step} | {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in figures.items()
        }
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        for name, value in figures.items():
            self._events.add_scalar(name, value, step)
        self._events.flush()

    def close(self) -> None:
        self._events.close()
