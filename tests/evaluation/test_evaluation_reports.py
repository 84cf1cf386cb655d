"""JSON, Markdown and the picture hold what was measured, and what is needed to measure it again."""

import hashlib
import json
import math
import struct
from pathlib import Path

import pytest
import torch

from lift3d.errors import FileFormatError
from lift3d.evaluation import (
    EvaluationConfig,
    Group,
    Report,
    evaluate_lifter,
    evaluate_robustness,
    figure_named,
    json_report,
    markdown_report,
    plot_report,
    provenance_of,
)
from lift3d.evaluation.report import worst
from lift3d.skeletons import LIFT_23


@pytest.fixture
def report(flat, tmp_path: Path) -> Report:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "one.bin").write_bytes(b"12345")
    (tmp_path / "weights").write_bytes(b"weights")
    lifter, data = flat.FlatLifter(flat.wrist_off), flat.FlatData()
    result = evaluate_lifter(lifter, data, EvaluationConfig(cameras="captured"))
    origin = provenance_of(
        tmp_path / "data", data, lifter, ("flat", "wrist|off"), tmp_path / "weights"
    )
    upright = flat.FlatLifter(torch.zeros_like, LIFT_23)
    robustness = evaluate_robustness(upright, data, windows=1)
    return Report(result, origin, 1.5, robustness)


def test_json_holds_everything(report: Report) -> None:
    told = json.loads(json_report(report))
    assert told["figures"]["mpjpe_mm"] == pytest.approx(3.25, abs=0.01)
    assert told["action_means"]["mpjpe_mm"] == pytest.approx(5.5, abs=0.01)
    assert told["per_action"]["sit"]["frames"] == 1
    assert told["dataset"]["files"] == [{"name": "one.bin", "size_bytes": 5}]
    assert told["lifter"]["weights_sha256"] == hashlib.sha256(b"weights").hexdigest()
    assert set(told["versions"]) >= {"python", "lift3d", "torch"}
    assert told["config"]["cameras"] == "captured"
    assert "mean over actions" in told["protocol"]["averaging"]
    assert len(told["robustness"]["curves"]) == 6
    walk = told["per_frame"][0]
    assert (walk["clip"], walk["frames"]) == ("walk", [0, 1, 3])
    assert walk["mpjpe_mm"] == pytest.approx([1, 1, 1], abs=0.02)


def test_markdown_has_the_protocol_before_the_figures(report: Report) -> None:
    text = markdown_report(report)
    assert text.index("## Protocol") < text.index("## Figures")
    assert "| MPJPE | mm | 3.25 | 5.50 |" in text
    assert "| sit | 1 | 10.0 |" in text
    assert "wrist\\|off" in text  # names from outside cannot break a table
    for row in [line for line in text.splitlines() if line.startswith("|")]:
        assert row.endswith("|")


def test_the_picture_is_a_png_of_one_size(report: Report, tmp_path: Path) -> None:
    plot_report(report, tmp_path / "new" / "figures.png")
    data = (tmp_path / "new" / "figures.png").read_bytes()
    assert data.startswith(b"\x89PNG")
    assert struct.unpack(">II", data[16:24]) == (1690, 1222)
    plot_report(Report(report.evaluation, report.provenance, 0.0), tmp_path / "few.png")
    assert struct.unpack(">II", (tmp_path / "few.png").read_bytes()[16:24]) == (1690, 676)


def test_the_worst_come_first_and_those_without_an_answer_before_them() -> None:
    groups = {n: Group(1, e, e) for n, e in (("a", 2.0), ("b", math.nan), ("c", 9.0), ("d", 1.0))}
    assert list(worst(groups, 3)) == ["b", "c", "a"]


def test_figures_have_names_and_units() -> None:
    assert figure_named("pa_mpjpe_mm").name == "PA-MPJPE"
    assert figure_named("noisy_n_mpjpe_mm").name == "N-MPJPE, noisy"
    assert figure_named("best_of_5_pa_mpjpe_mm").name == "PA-MPJPE, best of 5"
    assert figure_named("acceleration_mm_per_frame2").unit == "mm/frame²"


def test_weights_are_told_by_their_values_where_no_file_is_given(flat, tmp_path: Path) -> None:
    lifter = flat.FlatLifter()
    lifter.network = torch.nn.Linear(2, 2)
    names = ("flat", "flat")
    first = provenance_of(tmp_path, flat.FlatData(), lifter, names, None).weights_sha256
    assert first == provenance_of(tmp_path, flat.FlatData(), lifter, names, None).weights_sha256
    with torch.no_grad():
        lifter.network.bias += 1
    assert first != provenance_of(tmp_path, flat.FlatData(), lifter, names, None).weights_sha256
    none = provenance_of(tmp_path, flat.FlatData(), flat.FlatLifter(), names, None)
    assert none.weights_sha256 == ""
    with pytest.raises(FileFormatError, match="expected weights"):
        provenance_of(tmp_path, flat.FlatData(), lifter, names, tmp_path / "absent")


def test_a_figure_nobody_could_take_is_a_dash(flat, tmp_path: Path) -> None:
    clip = flat.flat_clip("sit", "s2", 1, 0.0)  # one frame: no velocity
    data = flat.FlatData((clip,))
    result = evaluate_lifter(flat.FlatLifter(), data, EvaluationConfig(cameras="captured"))
    assert math.isnan(result.figures["mpjve_mm"])
    origin = provenance_of(tmp_path, data, None, ("flat", "flat"), None)
    report = Report(result, origin, 0.0)
    assert "| MPJVE | mm/frame | - | - |" in markdown_report(report)
    assert json.loads(json_report(report))["figures"]["mpjve_mm"] is None
