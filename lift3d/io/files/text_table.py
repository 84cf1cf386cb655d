"""Tables as text: comma, semicolon or tab between the cells. Read row by row, never whole.

An empty cell, `nan`, `NA`, `null` and `None` are missing numbers.
"""

import csv
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from lift3d.errors import FileFormatError
from lift3d.io.files.limits import LIMITS
from lift3d.io.files.zip_entries import check_regular

__all__ = ["Numbers", "header_cells", "lines_in", "numbers_in", "rows_in"]

_DELIMITERS: Final = ",;\t"
_LONGEST_LINE: Final = 4_000_000
_MISSING: Final = frozenset({"", "na", "n/a", "nan", "null", "none"})
_TEXT: Final = frozenset(range(32, 256)) | frozenset(b"\t\n\r")


def header_cells(head: bytes) -> list[str]:
    """The cells of the first line of a text; none where the bytes are no text or no table."""
    line = head.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n").split(b"\n", 1)[0].rstrip(b"\r")
    if not line or not set(line) <= _TEXT or line[:1] in (b"{", b"["):
        return []
    text = line.decode("utf-8", "replace")
    try:
        return _cells(text, _delimiter(text), "the first line")
    except FileFormatError:
        return []


def lines_in(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a text, numbered from 1, without their ends.

    Raises `FileFormatError` for what cannot be read and for lines longer than any table's.
    """
    try:
        check_regular(path)
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            for number, line in enumerate(iter(lambda: file.readline(_LONGEST_LINE), ""), 1):
                if len(line) >= _LONGEST_LINE:
                    raise FileFormatError(
                        f"expected lines of at most {_LONGEST_LINE} characters in '{path}', got a "
                        f"longer one, line {number}: write one frame per line"
                    )
                yield number, line.rstrip("\n")
    except FileNotFoundError:
        raise FileFormatError(
            f"expected a table at '{path}', got nothing there: check the path"
        ) from None
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise FileFormatError(
            f"expected a table at '{path}', got {said}: check its permissions"
        ) from error


def rows_in(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The number of each line that is not blank, and its cells without space around them.

    Raises `FileFormatError` as `lines_in`. A cell in quotes ends in its line.
    """
    delimiter = ""
    for number, line in lines_in(path):
        if not line.strip():
            continue
        delimiter = delimiter or _delimiter(line)
        yield number, _cells(line, delimiter, f"'{path}', line {number}")


def _cells(line: str, delimiter: str, where: str) -> list[str]:
    if '"' not in line:
        return [cell.strip() for cell in line.split(delimiter)]
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]
    except csv.Error as error:
        raise FileFormatError(
            f"expected cells of a table in {where}, got {error}: write it again"
        ) from None


def _delimiter(line: str) -> str:
    return max(_DELIMITERS, key=line.count)


def numbers_in(cells: Sequence[str], where: str) -> list[float]:
    """Cells as numbers, NaN where they are empty; `FileFormatError` names the first that is none."""
    try:
        if any("_" in cell for cell in cells):  # Python allows it between digits
            raise ValueError("no number")
        return [float(cell) if cell else np.nan for cell in cells]
    except ValueError:
        return [_number(cell, column, where) for column, cell in enumerate(cells, 1)]


def _number(cell: str, column: int, where: str) -> float:
    if cell.lower() in _MISSING:
        return np.nan
    try:
        return float(cell.replace("_", "no number"))
    except ValueError:
        raise FileFormatError(
            f"expected a number in {where}, number {column}, got {cell[:30]!r}: write numbers with "
            "a point, and nothing for a missing one"
        ) from None


class Numbers:
    """Rows of numbers that grow to an array of bounded size."""

    def __init__(self, columns: int, where: str) -> None:
        self._values = array("d")
        self._columns = columns
        self._where = where

    def add(self, row: Sequence[float]) -> None:
        """Append a row; `FileFormatError` beyond what one file may hold."""
        if len(self._values) + len(row) > LIMITS.values:
            raise FileFormatError(
                f"expected at most {LIMITS.values} numbers in {self._where}, got more: split the file"
            )
        self._values.extend(row)

    def table(self) -> Float64[ndarray, "rows columns"]:
        """All rows."""
        return np.frombuffer(self._values, np.float64).reshape(-1, self._columns)
