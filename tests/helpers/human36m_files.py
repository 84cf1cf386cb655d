"""Small files in every layout in which Human3.6M is passed on, from the same made-up recordings.

The projection is written out here a second time, with numbers of another source than the library's:
the quaternions and intrinsics that VideoPose3D lists (world from camera; p2 before p1).
"""

import pickle
from pathlib import Path
from typing import Any

import cdflib.cdfwrite
import h5py
import numpy as np

CAMERAS = ("54138969", "55011271", "58860488", "60457274")
HEIGHTS = (1002, 1000, 1000, 1002)
MOVING = [0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27]

# f, c, k1 k2 k3, p2 p1
INNER = {
    "54138969": ([1145.0494384765625, 1143.7811279296875], [512.54150390625, 515.4514770507812],
                 [-0.20709891617298126, 0.24777518212795258, -0.0030751503072679043],
                 [-0.0009756988729350269, -0.00142447161488235]),
    "55011271": ([1149.6756591796875, 1147.5916748046875], [508.8486328125, 508.0649108886719],
                 [-0.1942136287689209, 0.2404085397720337, 0.006819975562393665],
                 [-0.0016190266469493508, -0.0027408944442868233]),
    "58860488": ([1149.1407470703125, 1148.7989501953125], [519.8158569335938, 501.40264892578125],
                 [-0.2083381861448288, 0.25548800826072693, -0.0024604974314570427],
                 [0.0014843869721516967, -0.0007599993259645998]),
    "60457274": ([1145.5113525390625, 1144.77392578125], [514.9682006835938, 501.88201904296875],
                 [-0.198384091258049, 0.21832367777824402, -0.008947807364165783],
                 [-0.0005872055771760643, -0.0018133620033040643]),
}  # fmt: skip
OUTER = {
    "S1": (
        ([0.1407056450843811, -0.1500701755285263, -0.755240797996521, 0.6223280429840088],
         [1841.1070556640625, 4955.28466796875, 1563.4454345703125]),
        ([0.6157187819480896, -0.764836311340332, -0.14833825826644897, 0.11794740706682205],
         [1761.278564453125, -5078.0068359375, 1606.2650146484375]),
        ([0.14651472866535187, -0.14647851884365082, 0.7653023600578308, -0.6094175577163696],
         [-1846.7777099609375, 5215.04638671875, 1491.972412109375]),
        ([0.5834008455276489, -0.7853162288665771, 0.14548823237419128, -0.14749594032764435],
         [-1794.7896728515625, -3722.698974609375, 1574.8927001953125]),
    ),
    "S9": (
        ([0.15540587902069092, -0.15548215806484222, -0.7532095313072205, 0.6199594736099243],
         [2044.45849609375, 4935.1171875, 1481.2275390625]),
        ([0.618784487247467, -0.7634735107421875, -0.14132238924503326, 0.11933968216180801],
         [1990.959716796875, -5123.810546875, 1568.8048095703125]),
        ([0.13357827067375183, -0.1367100477218628, 0.7689454555511475, -0.6100738644599915],
         [-1670.9921875, 5211.98583984375, 1528.387939453125]),
        ([0.5879399180412292, -0.7823407053947449, 0.1427614390850067, -0.14794869720935822],
         [-1696.04345703125, -3827.099853515625, 1591.4127197265625]),
    ),
}  # fmt: skip

Array = np.ndarray
Takes = dict[tuple[str, str], Array]
"""World joints (frames, 32, 3), millimetres, z up, by (person, file name)."""


def takes(names: dict[str, list[str]], frames: int = 11, seed: int = 3) -> Takes:
    """Random joints around people who stand in the middle of the room."""
    rng = np.random.default_rng(seed)
    made: Takes = {}
    for subject, actions in names.items():
        for action in actions:
            spread = rng.uniform(-600, 600, (frames, 32, 3))
            made[subject, action] = spread + np.array([200.0, -300.0, 950.0])
    return made


def rotation_of(subject: str, camera: str) -> Array:
    """World to camera."""
    (w, x, y, z), _ = OUTER[subject][CAMERAS.index(camera)]
    out = np.array(
        [
            [w * w + x * x - y * y - z * z, 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), w * w - x * x + y * y - z * z, 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), w * w - x * x - y * y + z * z],
        ]
    ).T
    return out / (w * w + x * x + y * y + z * z)


def position_of(subject: str, camera: str) -> Array:
    return np.array(OUTER[subject][CAMERAS.index(camera)][1])


def in_camera(points: Array, subject: str, camera: str) -> Array:
    """World points (mm) in a camera's frame (mm)."""
    moved: Array = (points - position_of(subject, camera)) @ rotation_of(subject, camera).T
    return moved


def pixels(points: Array, subject: str, camera: str, lens: bool = True) -> Array:
    """The formula of Martinez et al. 2017, term by term."""
    local = in_camera(points, subject, camera)
    (fx, fy), (cx, cy), (k1, k2, k3), (p2, p1) = INNER[camera]
    x, y = local[..., 0] / local[..., 2], local[..., 1] / local[..., 2]
    if lens:
        r2 = x**2 + y**2
        scale = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3 + p1 * y + p2 * x
        x, y = x * scale + p2 * r2, y * scale + p1 * r2
    return np.stack([fx * x + cx, fy * y + cy], -1)


def write_cdf_file(path: Path, values: Array) -> None:
    """One variable `Pose` (1, frames, numbers), as the owners' files have it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = cdflib.cdfwrite.CDF(path, cdf_spec={"Majority": "row_major"}, delete=True)
    spec = {
        "Variable": "Pose", "Data_Type": 45, "Num_Elements": 1, "Rec_Vary": True,
        "Var_Type": "zVariable", "Dim_Sizes": list(values.shape), "Compress": 0,
    }  # fmt: skip
    file.write_var(spec, var_data=values[None])
    file.close()


def write_cdf(root: Path, made: Takes, kind: str = "D3_Positions") -> Path:
    """`D3_Positions`, or a `_mono` kind, or `D2_Positions` of every camera."""
    for (subject, name), world in made.items():
        folder = root / subject / "MyPoseFeatures" / kind
        if kind == "D3_Positions":
            write_cdf_file(folder / f"{name}.cdf", world.reshape(len(world), -1))
            continue
        for camera in CAMERAS:
            seen = pixels if kind == "D2_Positions" else in_camera
            values = seen(world, subject, camera)
            write_cdf_file(folder / f"{name}.{camera}.cdf", values.reshape(len(world), -1))
    return root


def write_xml(root: Path, made: Takes) -> Path:
    """The `w0` of a `metadata.xml`, from the quaternions: Euler angles x, y, z of Rx Ry Rz."""
    w0 = np.zeros(300)
    for index, camera in enumerate(CAMERAS):
        focal, centre, radial, (p2, p1) = INNER[camera]
        w0[264 + 9 * index :][:9] = [*focal, *centre, *radial, p1, p2]
        for subject in {who for who, _ in made}:
            r = rotation_of(subject, camera)
            angles = [
                np.arctan2(-r[1, 2], r[2, 2]),
                np.arcsin(r[0, 2]),
                np.arctan2(-r[0, 1], r[0, 0]),
            ]
            start = 6 * (index * 11 + int(subject[1:]) - 1)
            w0[start : start + 6] = [*angles, *position_of(subject, camera)]
    path = root / "metadata.xml"
    numbers = " ".join(repr(float(v)) for v in w0)
    path.write_text(f'<?xml version="1.0" encoding="utf-8"?>\n<a><w0>[{numbers}]</w0></a>')
    return path


def write_cameras_h5(root: Path, made: Takes) -> Path:
    """Martinez's `cameras.h5`: matrices as MATLAB leaves them, names as character codes."""
    with h5py.File(root / "cameras.h5", "w") as file:
        for subject in sorted({who for who, _ in made}):
            for index, camera in enumerate(CAMERAS):
                group = file.create_group(f"subject{subject[1:]}/camera{index + 1}")
                focal, centre, radial, (p2, p1) = INNER[camera]
                group["R"] = rotation_of(subject, camera).T
                group["T"] = position_of(subject, camera)[:, None]
                for key, value in (("f", focal), ("c", centre), ("k", radial), ("p", [p1, p2])):
                    group[key] = np.array(value)[:, None]
                group["Name"] = np.array([[ord(letter)] for letter in camera], np.uint16)
    return root / "cameras.h5"


def write_h5(root: Path, made: Takes) -> Path:
    for (subject, name), world in made.items():
        path = root / subject / "MyPoses" / "3D_positions" / f"{name}.h5"
        path.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(path, "w") as file:
            file["3D_positions"] = world.reshape(len(world), 96).T
    return root


def save_objects(path: Path, **content: Any) -> Path:
    np.savez_compressed(path, **{key: np.array(value, object) for key, value in content.items()})
    return path


H36M_LAYOUT = {
    "layout_name": "h36m",
    "num_joints": 17,
    "keypoints_symmetry": [[4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]],
}


def write_npz(root: Path, made: Takes) -> Path:
    stored: dict[str, dict[str, Array]] = {}
    seen: dict[str, dict[str, list[Array]]] = {}
    for (subject, name), world in made.items():
        stored.setdefault(subject, {})[name] = (world / 1000).astype(np.float32)
        seen.setdefault(subject, {})[name] = [
            pixels(world[:, MOVING], subject, camera).astype(np.float32) for camera in CAMERAS
        ]
    save_objects(root / "data_3d_h36m.npz", positions_3d=stored)
    save_objects(root / "data_2d_h36m_gt.npz", positions_2d=seen, metadata=H36M_LAYOUT)
    return root


def write_mmpose(root: Path, made: Takes, part: str, step: int = 1) -> Path:
    """`h36m_train.npz` or `h36m_test.npz`, with `cameras.pkl`."""
    rows: dict[str, list[Array]] = {"S": [], "part": []}
    names: list[str] = []
    for (subject, name), world in made.items():
        for camera in CAMERAS:
            base = f"{subject}_{name.replace(' ', '_')}.{camera}"
            for frame in range(0, len(world), step):
                joints = world[frame, MOVING]
                ones = np.ones((17, 1))
                rows["S"].append(np.hstack([in_camera(joints, subject, camera) / 1000, ones]))
                rows["part"].append(np.hstack([pixels(joints, subject, camera), ones]))
                names.append(f"{subject}/{base}/{base}_{frame + 1:06d}.jpg")
    arrays = {key: np.array(values) for key, values in rows.items()}
    np.savez(root / f"h36m_{part}.npz", imgname=np.array(names), **arrays)
    cameras = {
        (subject, camera): {
            "R": rotation_of(subject, camera).T,
            "T": position_of(subject, camera)[:, None] / 1000,
            "f": np.array(INNER[camera][0])[:, None],
            "c": np.array(INNER[camera][1])[:, None],
            "k": np.array(INNER[camera][2])[:, None],
            "p": np.array(INNER[camera][3][::-1])[:, None],
            "w": 1000, "h": height, "name": f"camera{index + 1}", "id": camera,
        }
        for subject in sorted({who for who, _ in made})
        for index, (camera, height) in enumerate(zip(CAMERAS, HEIGHTS, strict=True))
    }  # fmt: skip
    (root / "cameras.pkl").write_bytes(pickle.dumps(cameras))
    return root


def write_motionbert(
    root: Path, made: dict[str, list[tuple[str, str, Array]]], lens: bool = False
) -> Path:
    """`h36m_sh_conf_cam_source_final.pkl` from (person, source without camera, joints) by part."""
    content: dict[str, dict[str, Any]] = {}
    for part, entries in made.items():
        rows: dict[str, list[Any]] = {k: [] for k in ("joint_2d", "joint3d_image", "confidence")}
        names: list[str] = []
        sources: list[str] = []
        word = "cam" if part == "train" else "ca"
        for subject, source, world in entries:
            for index, camera in enumerate(CAMERAS):
                joints = world[:, MOVING]
                depth = in_camera(joints, subject, camera)[..., 2:]
                seen = pixels(joints, subject, camera, lens)
                rows["joint3d_image"].append(np.concatenate([seen, depth - depth[:, :1]], -1))
                rows["joint_2d"].append(pixels(joints, subject, camera))
                rows["confidence"].append(np.full(joints.shape[:2], 0.5))
                names += [camera] * len(world)
                sources += [f"{source}_{word}_0{index + 1}"] * len(world)
        content[part] = {k: np.concatenate(v).astype(np.float32) for k, v in rows.items()}
        content[part] |= {"camera_name": np.array(names), "source": sources}
    path = root / "h36m_sh_conf_cam_source_final.pkl"
    path.write_bytes(pickle.dumps(content))
    return root
