"""The report of an evaluation: JSON for programs, Markdown for people."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import orjson
import torch

from lift3d.evaluation.figures import figure_named
from lift3d.evaluation.provenance import Provenance
from lift3d.evaluation.result import Evaluation, Group, WindowErrors
from lift3d.evaluation.robustness import Curve, Robustness

__all__ = [
    "Report",
    "curve_rows",
    "figure_rows",
    "group_rows",
    "json_report",
    "markdown_report",
    "worst",
]

Rows = list[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything about one evaluation."""

    evaluation: Evaluation
    provenance: Provenance
    seconds: float
    robustness: Robustness | None = None

    @property
    def title(self) -> str:
        config = self.evaluation.config
        what = f"{self.provenance.lifter} on {self.provenance.dataset}, split '{config.split}'"
        return f"{what}, {config.cameras} cameras"


def json_report(report: Report) -> bytes:
    """All figures, every frame, protocol and provenance; one line per window under `per_frame`."""
    result, origin = report.evaluation, report.provenance
    about = {
        "title": report.title,
        "machine": origin.machine,
        "versions": origin.versions,
        "seconds": round(report.seconds, 1),
        "dataset": {
            "name": origin.dataset,
            "files": [asdict(file) for file in origin.files],
            "files_in_all": origin.files_in_all,
            "bytes_in_all": origin.bytes_in_all,
        },
        "lifter": {
            "name": origin.lifter,
            "weights": origin.weights,
            "weights_sha256": origin.weights_sha256,
        },
        "config": asdict(result.config),
        "protocol": asdict(result.protocol),
        "frames": result.frames,
        "figures": dict(result.figures),
        "action_means": dict(result.action_means),
        "per_joint_mm": dict(result.per_joint_mm),
        "per_action": _dicts(result.per_action),
        "per_subject": _dicts(result.per_subject),
        "per_clip": _dicts(result.per_clip),
        "per_view": _dicts(result.per_view),
        "robustness": asdict(report.robustness) if report.robustness is not None else None,
    }
    head = orjson.dumps(about, option=orjson.OPT_INDENT_2).removesuffix(b"\n}")
    lines = b",\n    ".join(orjson.dumps(_per_frame(window)) for window in result.windows)
    return head + b',\n  "per_frame": [\n    ' + lines + b"\n  ]\n}\n"


def _dicts(groups: Mapping[str, Group]) -> dict[str, dict[str, int | float]]:
    return {name: asdict(group) for name, group in groups.items()}


def _per_frame(window: WindowErrors) -> dict[str, object]:
    rounded = {
        key: (window.figures[key].double() * 1000).round(decimals=2).tolist()
        for key in ("mpjpe_mm", "pa_mpjpe_mm")
    }
    frames = window.frames.tolist()
    return {"clip": window.clip, "view": window.view, "frames": frames, **rounded}


def figure_rows(result: Evaluation) -> Rows:
    """Name, unit, mean over frames, mean over actions."""
    rows: Rows = []
    for key, value in result.figures.items():
        figure = figure_named(key)
        mean = result.action_means[key]
        rows.append((figure.name, figure.unit, _number(value), _number(mean)))
    return rows


def group_rows(groups: Mapping[str, Group]) -> Rows:
    """Name, frames, MPJPE, PA-MPJPE."""
    return [
        (name, f"{group.frames:,}", _number(group.mpjpe_mm, 1), _number(group.pa_mpjpe_mm, 1))
        for name, group in groups.items()
    ]


def worst(groups: Mapping[str, Group], most: int) -> dict[str, Group]:
    """The groups with the largest MPJPE, the largest first; those without an answer before them."""
    errors = {name: group.mpjpe_mm for name, group in groups.items()}
    order = sorted(errors, key=lambda n: -math.inf if math.isnan(errors[n]) else -errors[n])
    return {name: groups[name] for name in order[:most]}


def curve_rows(curve: Curve) -> Rows:
    """Level, MPJPE, PA-MPJPE, MPJPE of seen joints, share of frames lifted."""
    return [
        (
            level.label,
            *(_number(v, 1) for v in (level.mpjpe_mm, level.pa_mpjpe_mm, level.seen_mpjpe_mm)),
            f"{100 * level.lifted_share:.1f} %",
        )
        for level in curve.levels
    ]


def _number(value: float, digits: int = 2) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


_GROUP_COLUMNS = ("frames", "MPJPE (mm)", "PA-MPJPE (mm)")


def markdown_report(report: Report) -> str:
    """Tables with the protocol first, since figures mean nothing without it."""
    result = report.evaluation
    joints = [(name, _number(value, 1)) for name, value in result.per_joint_mm.items()]
    parts = [
        f"# {report.title}",
        f"{result.frames:,} frames, {len(result.per_clip):,} clips, {len(result.per_subject):,} people.",
        "## Protocol",
        _table(("", "what was done"), result.protocol.rows),
        "## Figures",
        _table(("figure", "unit", "mean over frames", "mean over actions"), figure_rows(result)),
        "## By person",
        _table(("person", *_GROUP_COLUMNS), group_rows(result.per_subject)),
        "## By joint",
        _table(("joint", "MPJPE (mm)"), joints),
        "## By action",
        _table(("action", *_GROUP_COLUMNS), group_rows(result.per_action)),
    ]
    if len(result.per_view) > 1:
        parts += ["## By view", _table(("view", *_GROUP_COLUMNS), group_rows(result.per_view))]
    clips = group_rows(worst(result.per_clip, 20))
    parts += ["## Worst clips", _table(("clip", *_GROUP_COLUMNS), clips)]
    parts += ["## Frames", _quantiles(result)]
    if report.robustness is not None:
        parts += _robustness(report.robustness)
    return "\n\n".join([*parts, "## Origin", _origin(report)]) + "\n"


def _robustness(robustness: Robustness) -> Iterable[str]:
    yield "## Robustness"
    yield _table(("", "what was done"), robustness.protocol.rows)
    for curve in robustness.curves:
        yield f"### {curve.axis.capitalize()}"
        level = f"{curve.axis} ({curve.unit})" if curve.unit else curve.axis
        columns = (level, "MPJPE (mm)", "PA-MPJPE (mm)", "MPJPE of seen joints (mm)", "lifted")
        yield _table(columns, curve_rows(curve))


def _quantiles(result: Evaluation) -> str:
    values = torch.cat([w.figures["mpjpe_mm"] for w in result.windows]) * 1000
    lifted = values[values.isfinite()].double()
    shares = (0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
    found = torch.quantile(lifted, torch.tensor(shares, dtype=torch.float64)).tolist()
    columns = tuple(f"{100 * share:g} %" for share in shares)
    row = tuple(_number(value, 1) for value in found)
    return "MPJPE in mm that a share of the frames stays below:\n\n" + _table(columns, [row])


def _origin(report: Report) -> str:
    origin = report.provenance
    rows: Rows = [
        ("lifter", f"{origin.lifter}, weights {origin.weights}"),
        ("SHA-256 of the weights", origin.weights_sha256 or "not known"),
        (
            "dataset",
            f"{origin.dataset}: {origin.files_in_all} files, {origin.bytes_in_all:,} bytes",
        ),
        *((f"file {file.name}", f"{file.size_bytes:,} bytes") for file in origin.files[:10]),
        ("machine", origin.machine),
        ("versions", ", ".join(f"{name} {number}" for name, number in origin.versions.items())),
        ("time", f"{report.seconds:.0f} s"),
    ]
    return _table(("", ""), rows)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    """Names come from files: what would end the cell or the line is taken out of them."""
    return " ".join(text.replace("|", "\\|").split())
