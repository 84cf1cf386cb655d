"""How well identities are kept, where it is known who every detection really is."""

import numpy as np
from jaxtyping import Int64
from numpy import ndarray

__all__ = ["id_switches", "idf1"]


def idf1(truth: Int64[ndarray, " rows"], ids: Int64[ndarray, " rows"]) -> float:
    """Ristani et al., Performance Measures and a Data Set (ECCV workshops 2016), over detections.

    True people and ids are paired one to one so that most detections agree; the figure is the share
    that does. Every detection has a true person here, so precision, recall and F1 are the same.
    """
    from scipy.optimize import linear_sum_assignment

    if not len(truth):
        return 1.0
    people, person = np.unique(truth, return_inverse=True)
    names, name = np.unique(ids, return_inverse=True)
    together = np.zeros((len(people), len(names)))
    np.add.at(together, (person, name), 1)
    rows, columns = linear_sum_assignment(together, maximize=True)
    return float(together[rows, columns].sum() / len(truth))


def id_switches(
    frames: Int64[ndarray, " rows"], truth: Int64[ndarray, " rows"], ids: Int64[ndarray, " rows"]
) -> int:
    """How often a true person's id differs from that of the sighting before (CLEAR MOT, 2008)."""
    order = np.lexsort((frames, truth))
    same = truth[order][1:] == truth[order][:-1]
    return int((same & (ids[order][1:] != ids[order][:-1])).sum())
