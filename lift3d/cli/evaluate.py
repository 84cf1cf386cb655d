"""What the verb `eval` does: measure, print with the protocol, write the reports asked for."""

from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from time import perf_counter
from typing import Annotated, Final

import tyro

from lift3d.cli.console import Stages, console, show_table
from lift3d.cli.verbs import check_place
from lift3d.errors import InputError
from lift3d.evaluation import (
    EvaluationConfig,
    Report,
    Robustness,
    evaluate_lifter,
    evaluate_robustness,
    json_report,
    markdown_report,
    plot_report,
    provenance_of,
)
from lift3d.evaluation.report import curve_rows, figure_rows, group_rows, worst
from lift3d.io import atomic_path
from lift3d.plugins import lifters, open_dataset
from lift3d.protocols import Dataset, Lifter

__all__ = ["ReportOptions", "evaluate"]

_MOST_ROWS: Final = 15
_PICTURES: Final = (".png", ".jpg", ".svg", ".pdf")


@dataclass(frozen=True)
class ReportOptions:
    """Where the figures go besides the screen, and how the dataset is read."""

    json: Path | None = None
    """Write everything to this file, every frame's errors too."""
    markdown: Path | None = None
    """Write the tables to this file."""
    plot: Path | None = None
    """Draw errors by joint and over frames, and the robustness curves, to this picture."""
    robustness: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Also spoil what the lifter sees, one thing at a time; about a minute."""
    reader: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=VALUE ...")] = ()
    """Options of the dataset's reader, such as detections=cpn_ft_h36m_dbb or partial=true."""


def evaluate(
    root: Path | None,
    dataset: str,
    lifter: str,
    weights: Path | None,
    config: EvaluationConfig,
    options: ReportOptions,
) -> None:
    """Measure, print, and write the figures where they were asked for."""
    _check_reports(options)
    model = lifters[lifter](weights) if weights is not None else lifters[lifter]()
    data = open_dataset(dataset, root, options.reader)
    start = perf_counter()
    result = evaluate_lifter(model, data, config)
    robustness = _robustness(model, data, config) if options.robustness else None
    names = (" ".join((dataset, *options.reader)), lifter)
    origin = provenance_of(root, data, model, names, weights)
    report = Report(result, origin, perf_counter() - start, robustness)
    try:
        _write(report, options)
    finally:  # a full disk must not cost the figures, nor a closed pipe the files
        _show(report)


def _check_reports(options: ReportOptions) -> None:
    """Before the work, and not after it."""
    for path in (options.json, options.markdown, options.plot):
        if path is not None:
            check_place(path)
    if options.plot is not None and options.plot.suffix.lower() not in _PICTURES:
        raise InputError(
            f"expected a picture ending in {', '.join(_PICTURES)}, got '{options.plot}': rename it"
        )


def _robustness(lifter: Lifter, data: Dataset, config: EvaluationConfig) -> Robustness:
    with Stages() as stages:
        return evaluate_robustness(
            lifter, data, config, progress=lambda done, total: stages("robustness", done, total)
        )


def _write(report: Report, options: ReportOptions) -> None:
    if options.json is not None:
        with atomic_path(options.json) as partial:
            partial.write_bytes(json_report(report))
    if options.markdown is not None:
        with atomic_path(options.markdown) as partial:
            partial.write_text(markdown_report(report), encoding="utf-8")
    if options.plot is not None:
        plot_report(report, options.plot)


def _show(report: Report) -> None:
    result = report.evaluation
    columns = ("figure", "unit", "mean over frames", "mean over actions")
    show_table(report.title, columns, figure_rows(result))
    joints = [(name, f"{value:.1f}") for name, value in result.per_joint_mm.items()]
    show_table("by joint", ("joint", "MPJPE (mm)"), joints)
    for what, groups in (
        ("person", result.per_subject),
        ("action", result.per_action),
        ("clip", result.per_clip),
        ("view", result.per_view),
    ):
        some = worst(groups, _MOST_ROWS)
        title = f"by {what}, worst first" + _left_out(len(groups))
        if len(groups) > 1:
            show_table(title, (what, "frames", "MPJPE (mm)", "PA-MPJPE (mm)"), group_rows(some))
    if report.robustness is not None:
        _show_robustness(report.robustness)
    show_table("protocol", ("", f"{result.frames:,} frames"), result.protocol.rows)
    console.print(
        f"weights: {report.provenance.weights} (sha256 {report.provenance.weights_sha256[:16]}), "
        f"{report.seconds:.0f} s",
        highlight=False,
    )


def _left_out(count: int) -> str:
    return f" ({_MOST_ROWS} of {count})" if count > _MOST_ROWS else ""


def _show_robustness(robustness: Robustness) -> None:
    rows = [
        (words, *row)
        for curve in robustness.curves
        for words, row in zip_longest((curve.axis, curve.unit), curve_rows(curve), fillvalue="")
    ]
    columns = ("what is worse", "level", "MPJPE", "PA-MPJPE", "MPJPE of seen joints", "lifted")
    title = f"robustness, mm, {robustness.frames:,} frames of {robustness.windows} windows"
    show_table(title, columns, rows)
