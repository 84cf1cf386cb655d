"""How good lifters and fitted bodies are, with the protocol in words beside every figure.

`evaluate_lifter` shows a lifter a split of a dataset, through random cameras or as the dataset's own
cameras saw it; `evaluate_robustness` spoils what it sees, one thing at a time; `evaluate_body`
compares body parameters. `docs/evaluation.md` says what the figures mean.
"""

from lift3d.evaluation.bodies import BODY_PROTOCOL, BodyEvaluation, evaluate_body
from lift3d.evaluation.config import JOINT_SETS, EvaluationConfig, JointSet
from lift3d.evaluation.figures import FIGURES, Figure, figure_named
from lift3d.evaluation.lifters import SeveralAnswers, evaluate_lifter
from lift3d.evaluation.plot import plot_report
from lift3d.evaluation.protocol import PROTOCOL, ProtocolCard, protocol_of
from lift3d.evaluation.provenance import DataFile, Provenance, provenance_of
from lift3d.evaluation.report import Report, json_report, markdown_report
from lift3d.evaluation.result import Evaluation, Group, WindowErrors
from lift3d.evaluation.robustness import Curve, Level, Robustness, evaluate_robustness

__all__ = [
    "BODY_PROTOCOL",
    "FIGURES",
    "JOINT_SETS",
    "PROTOCOL",
    "BodyEvaluation",
    "Curve",
    "DataFile",
    "Evaluation",
    "EvaluationConfig",
    "Figure",
    "Group",
    "JointSet",
    "Level",
    "ProtocolCard",
    "Provenance",
    "Report",
    "Robustness",
    "SeveralAnswers",
    "WindowErrors",
    "evaluate_body",
    "evaluate_lifter",
    "evaluate_robustness",
    "figure_named",
    "json_report",
    "markdown_report",
    "plot_report",
    "protocol_of",
    "provenance_of",
]
