"""What to cite: the papers behind each plug-in, tracker, filter, decoder and metric.

`METHODS` says which papers belong to which name of a kind; none means that the method is lift3d's own,
or that nobody wrote one. `lift3d cite` prints them as BibTeX.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Final, Literal

from lift3d.citations.paper import Paper
from lift3d.citations.papers import PAPERS
from lift3d.errors import InputError

__all__ = ["METHODS", "PAPERS", "Kind", "Paper", "papers_of", "unique"]

Kind = Literal[
    "detector",
    "lifter",
    "regressor",
    "body_model",
    "dataset",
    "viewer",
    "tracker",
    "smoothing",
    "decoder",
    "metric",
]

_NETWORK: Final = ("martinez2017simple", "vakanski2018data")
_OVER_TIME: Final = ("pavllo2019video", *_NETWORK)
_ON_A_BODY: Final = ("zhou2019continuity", "loper2015smpl", "featherstone2005efficient")
_COCO_AP: Final = ("lin2014microsoft",)
_SMPL: Final = ("loper2015smpl",)
_HANDS: Final = ("romero2017embodied",)

METHODS: Final[Mapping[Kind, Mapping[str, tuple[str, ...]]]] = {
    "detector": {
        "builtin": ("guler2018densepose", "vakanski2018data"),
        "files": (),
        "mediapipe": ("bazarevsky2020blazepose",),
        "onnx": (),
        "rtmlib": ("jiang2023rtmpose",),
        "torchvision": ("he2017mask",),
    },
    "lifter": {
        "articulated": (*_OVER_TIME, *_ON_A_BODY, "taylor2000reconstruction"),
        "framewise": (*_NETWORK, *_ON_A_BODY),
        "martinez": ("martinez2017simple",),
        "matching": ("chen2017matching", "vakanski2018data"),
        "streaming": _OVER_TIME,
        "temporal": _OVER_TIME,
        "universal": _NETWORK,
    },
    "regressor": {"smpl": (*_ON_A_BODY, "vakanski2018data")},
    "body_model": {
        "anny": ("bregier2025human",),
        "default": (*_SMPL, "bregier2025human"),
        "flame": ("li2017learning",),
        "mano": _HANDS,
        "smpl": _SMPL,
        "smplh": (*_SMPL, *_HANDS),
        "smplx": ("pavlakos2019expressive",),
        "stick": (),
    },
    "dataset": {
        "3dpw": ("vonmarcard2018recovering",),
        "aistpp": ("li2021aist",),
        "amass": ("mahmood2019amass",),
        "asf_amc": (),
        "bvh": (),
        "coco": ("lin2014microsoft",),
        "crowdpose": ("li2019crowdpose",),
        "densepose_coco": ("guler2018densepose", "lin2014microsoft"),
        "h3wb": ("zhu2023h3wb", "jin2020whole", "ionescu2014human36m"),
        "human36m": ("ionescu2014human36m",),
        "mocap_h5": ("vakanski2018data",),
        "mpi_inf_3dhp": ("mehta2017monocular",),
        "mpii": ("andriluka2014human",),
        "synthetic": (),
    },
    "viewer": {"pyrender": ("luft2006image",), "software": ("luft2006image",), "window": ()},
    "tracker": {
        "greedy": ("xiao2018simple", "kuhn1955hungarian"),
        "poseflow": ("xiu2018pose",),
        "sides": ("viterbi1967error",),
        "oks_nms": ("papandreou2017towards",),
        "soft_oks_nms": ("bodla2017soft", "papandreou2017towards"),
        "parametric_pose_nms": ("fang2017rmpe",),
    },
    "smoothing": {
        "gaussian": (),
        "kalman": ("kalman1960new", "rauch1965maximum"),
        "one_euro": ("casiez2012filter",),
        "grounded": ("holland1977robust",),
    },
    "decoder": {
        "decode_argmax": ("tompson2014joint",),
        "decode_associative": ("newell2017associative",),
        "decode_beliefs": ("wei2016convolutional",),
        "decode_centres": ("sun2021monocular",),
        "decode_dark": ("zhang2020distribution",),
        "decode_dekr": ("geng2021bottom",),
        "decode_heatmaps": (),
        "decode_offset_hough": ("papandreou2017towards",),
        "decode_paf": ("cao2021openpose", "cao2017realtime"),
        "decode_quarter_shift": ("newell2016stacked",),
        "decode_regression": ("toshev2014deeppose",),
        "decode_simcc": ("li2022simcc",),
        "decode_soft_argmax_2d": ("sun2018integral",),
        "decode_soft_argmax_3d": ("sun2018integral",),
        "associate_candidates": ("li2019crowdpose",),
        "fuse_over_time": ("pfister2015flowing",),
        "merge_flipped": ("newell2016stacked", "xiao2018simple"),
        "to_picture": ("huang2020devil",),
    },
    "metric": {
        "acceleration_error": ("kanazawa2019learning",),
        "auc_3d": ("mehta2017monocular",),
        "best_joints_of": ("shan2023diffusion",),
        "best_of": ("shan2023diffusion",),
        "aggregated": ("shan2023diffusion",),
        "bone_length_error": (),
        "bone_length_spread": (),
        "bone_lengths": (),
        "coverage": (),
        "foot_contact_speed": (),
        "crowd_index": ("li2019crowdpose",),
        "id_switches": ("bernardin2008evaluating",),
        "idf1": ("ristani2016performance",),
        "joint_errors": ("ionescu2014human36m",),
        "keypoint_ap": _COCO_AP,
        "mpjpe": ("ionescu2014human36m",),
        "mpjve": ("pavllo2019video",),
        "n_mpjpe": ("rhodin2018learning",),
        "oks": _COCO_AP,
        "pa_joint_errors": ("umeyama1991least",),
        "pa_mpjpe": ("umeyama1991least", "bogo2016keep"),
        "pa_pve": ("umeyama1991least", "pavlakos2018learning"),
        "pck_2d": ("yang2013articulated",),
        "pck_3d": ("mehta2017monocular",),
        "pckh": ("andriluka2014human",),
        "pve": ("pavlakos2018learning",),
        "hmr_joints": ("kanazawa2018end",),
        "joint_angles": ("rajagopal2016full",),
    },
}
"""Papers by kind and name; the main one first."""


def papers_of(kind: Kind, name: str) -> tuple[Paper, ...]:
    """The papers behind a method; none where it has no paper.

    Raises `InputError` for a name that is not in `METHODS`.
    """
    known = METHODS[kind]
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else "name one of them"
        raise InputError(f"expected a {kind} ({', '.join(known)}), got '{name}': {hint}")
    return tuple(PAPERS[key] for key in known[name])


def unique(papers: Iterable[Paper]) -> tuple[Paper, ...]:
    """Each paper once, in the order in which they first come."""
    return tuple({paper.key: paper for paper in papers}.values())
