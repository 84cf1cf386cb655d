"""More than a hundred hostile files: each gives one clear sentence, soon and in little memory.

Arrays and tables have a test of their own (test_hostile_arrays.py); the bench reads all of them.
"""

from pathlib import Path

import pytest

from tests.helpers.hostile_case import Case
from tests.helpers.hostile_files import CASES, OWN, examine


@pytest.mark.parametrize("case", OWN, ids=lambda case: case.name)
def test_a_hostile_file_is_answered_with_one_sentence(case: Case, tmp_path: Path) -> None:
    verdict = examine(case, tmp_path)
    assert verdict.clear, f"{verdict.seconds:.2f} s: {verdict.told[:600]}"


def test_the_table_is_long_and_names_its_cases_apart() -> None:
    assert len(OWN) >= 60
    assert len({case.name for case in CASES}) == len(CASES)
