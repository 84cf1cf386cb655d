"""Requests that are turned away: a status of HTTP and the library's one sentence."""

import msgspec

from lift3d.serving.values import Answer, Refusal

__all__ = ["JSON", "RefusedError", "refusal"]

JSON = "application/json"


class RefusedError(Exception):
    """A request that gets no answer but why; `headers` go with it."""

    def __init__(self, status: int, sentence: str, **headers: str) -> None:
        super().__init__(sentence)
        self.status, self.headers = status, headers


def refusal(status: int, sentence: str) -> Answer:
    """An answer that says why there is none."""
    text = " ".join(sentence.split())
    return Answer(status, JSON, msgspec.json.encode(Refusal(text)))
