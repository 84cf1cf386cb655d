"""Which file a body model is read from; the order is that of `lift3d.io.files.body_files`.

Content decides what a file holds. Names of files and folders only say where to look first, and which
gender (or, for MANO, which hand) a file is for, since most files do not say it inside.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from lift3d.errors import FileFormatError, InputError, MissingDependencyError
from lift3d.io.files.body_files import BODY_MODEL_SUFFIXES, body_model_files, body_model_folders
from lift3d_body_models.family import FAMILY, Member
from lift3d_body_models.model_arrays import ModelArrays
from lift3d_body_models.model_files import read_model

__all__ = ["find_model", "variant_in_name"]

_VARIANTS: Final = {"f": "female", "m": "male", "n": "neutral"}
_WORD: Final = re.compile(r"(?<![a-z])(neutral|female|male|right|left|[fmn])(?![a-z])")


def find_model(
    member: Member, path: str | os.PathLike[str] | None, variant: str
) -> tuple[ModelArrays, Path]:
    """The arrays of a member of the family, and the file that they are from.

    `path` is a file, or a folder to search; without it the folders of `body_model_folders` are searched.
    `variant` is a gender, or MANO's hand. Raises `InputError` for an unknown variant and for a file that
    says it is another one, `FileFormatError` for a file that holds something else, and
    `MissingDependencyError` where there is none.
    """
    if variant not in member.genders:
        raise InputError(
            f"expected one of {', '.join(member.genders)} for {member.title}, got '{variant}': "
            "choose one of them"
        )
    if path is None:
        return _in_folders(member, body_model_folders(), variant)
    given = Path(path)
    if given.is_dir():
        return _in_folders(member, (given,), variant)
    return _given_file(member, given, variant), given


def variant_in_name(member: Member, path: Path) -> str:
    """The gender or hand that a file's name, or else its folder's, says; "" where none."""
    for name in (path.stem, path.parent.name):
        for match in _WORD.finditer(name.lower()):
            word = _VARIANTS.get(match[0], match[0])
            if word in member.genders:
                return word
    return ""


def _given_file(member: Member, path: Path, variant: str) -> ModelArrays:
    arrays = read_model(path)
    if arrays.member is not member:
        raise FileFormatError(
            f"expected {member.title} in '{path}', got {arrays.member.title} "
            f"({len(arrays.member.skeleton)} joints): use {arrays.member.factory}, or another file"
        )
    said = arrays.gender or variant_in_name(member, path)
    # A path alone is enough; only who also asks for another variant is told.
    if variant != member.genders[0] and said not in ("", variant):
        raise InputError(
            f"expected a {variant} {member.title}, got '{path}', which is {said}: "
            "ask for that, or give another file"
        )
    return arrays


def _in_folders(
    member: Member, folders: tuple[Path, ...], variant: str
) -> tuple[ModelArrays, Path]:
    others: set[str] = set()
    broken: list[str] = []
    for path in _candidates(member, folders):
        said = variant_in_name(member, path)
        if said not in ("", variant):
            others.add(said)
            continue
        try:
            arrays = read_model(path)
        except FileFormatError as error:
            if _looks_like(path, path.parent) is member:  # others may be anything
                broken.append(str(error))
            continue
        if arrays.member is not member:
            continue
        said = arrays.gender or said
        if said in ("", variant):
            return arrays, path
        others.add(said)
    raise _missing(member, folders, variant, sorted(others), broken)


def _candidates(member: Member, folders: tuple[Path, ...]) -> Iterator[Path]:
    """Files that are named like the member, then files that are named like none of the family."""
    for named in (True, False):
        for folder in folders:
            files = [
                p for p in body_model_files(folder) if _looks_like(p, folder) in (member, None)
            ]
            fitting = [p for p in files if (_looks_like(p, folder) is member) is named]
            # The quickest form first, then the higher version: v1.1.0 before v1.0.0.
            fitting.sort(key=lambda p: p.name, reverse=True)
            yield from sorted(fitting, key=lambda p: BODY_MODEL_SUFFIXES.index(p.suffix.lower()))


def _looks_like(path: Path, folder: Path) -> Member | None:
    """The member that a file is named after; of its own name and its folders' the nearest counts."""
    for name in reversed(path.relative_to(folder).parts):
        hints = [(hint, m) for m in FAMILY.values() for hint in m.hints if hint in name.lower()]
        if hints:
            return max(hints, key=lambda pair: len(pair[0]))[1]  # "smplx" also has "smpl" in it
    return None


def _missing(
    member: Member,
    folders: tuple[Path, ...],
    variant: str,
    others: list[str],
    broken: list[str],
) -> MissingDependencyError:
    searched = " and ".join(f"'{folder}'" for folder in folders)
    if others:
        return MissingDependencyError(
            f"expected a {variant} {member.title} in {searched}, got only {', '.join(others)}: "
            f"ask for that, or put the {variant} file there"
        )
    if broken:
        return MissingDependencyError(
            f"expected {member.title} in {searched}, got files that cannot be read: {broken[0]}"
        )
    return MissingDependencyError(
        f"expected {member.title} in {searched}, got none: register at {member.address} "
        f"({member.licence}), and put the file there (as '{member.file}', say), name its folder in "
        "LIFT3D_BODY_MODELS, or give its path"
    )
