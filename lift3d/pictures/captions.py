"""Captions that people write: `"{frame} {time:.2f}s {person}"`, filled in without running anything."""

import re
from string import Formatter
from typing import Final

from lift3d.errors import InputError

__all__ = ["FIELDS", "check_template", "filled"]

FIELDS: Final = ("frame", "time", "person", "people")
"""Number of the frame, seconds, ids of the people who are seen, how many they are."""

_PLAIN_SPEC: Final = re.compile(r"[<>^]?[+ ]?0?\d{0,2}(\.\d{1,2})?[defgs]?")
_LONGEST: Final = 200


def check_template(template: str) -> None:
    """Refuse what `filled` could not fill in; `InputError` says which fields there are."""
    if len(template) > _LONGEST:
        raise InputError(
            f"expected a caption of at most {_LONGEST} letters, got {len(template)}: shorten it"
        )
    try:
        parts = list(Formatter().parse(template))
        for _, field, spec, conversion in parts:
            if field is not None and (
                field not in FIELDS or conversion or not _PLAIN_SPEC.fullmatch(spec or "")
            ):
                raise ValueError(f"'{{{field}{'!' + conversion if conversion else ''}:{spec}}}'")
        template.format(frame=0, time=0.0, person="", people=0)
    except (ValueError, IndexError, KeyError) as error:
        raise InputError(
            f"expected a caption with the fields {{{'}, {'.join(FIELDS)}}} and plain formats such "
            f"as {{time:.2f}}, got '{template:.60}' ({error}): correct it"
        ) from error


def filled(template: str, frame: int, time: float, ids: list[int]) -> str:
    """The caption of one frame. Raises `InputError` for templates that `check_template` refuses."""
    check_template(template)
    people = ", ".join(map(str, ids))
    text = template.format(frame=frame, time=time, person=people, people=len(ids))
    return "".join(letter if letter.isprintable() else " " for letter in text)
