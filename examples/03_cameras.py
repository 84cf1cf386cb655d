"""What a wrong focal length costs

The same keypoints through three focal lengths: the person's distance follows them, the pose
hardly changes.
"""

import matplotlib as mpl

import lift3d
from lift3d.samples import balancing

mpl.use("agg")
from matplotlib import pyplot as plt

figure, (left, right) = plt.subplots(1, 2, figsize=(7.8, 2.6), layout="constrained")
options = lift3d.LiftOptions(body_model="", smooth_seconds=0.06)
for focal in (1300.0, 1920.0, 2500.0):
    camera = lift3d.Camera.from_intrinsics((1920, 1080), focal)
    with balancing() as keypoints:
        clip = lift3d.lift(keypoints, camera=camera, options=options)
    pose = clip.people[0].joints.pose
    at = {name: pose.joints[:, index] for index, name in enumerate(pose.skeleton.joints)}
    left.plot(at["pelvis"][:, 2], label=f"{focal:.0f} pixels")
    right.plot((at["left_wrist"] - at["left_shoulder"]).norm(dim=-1), label=f"{focal:.0f}")
left.set(xlabel="frame", ylabel="metres", title="distance from the camera", ylim=(0, 6))
right.set(xlabel="frame", ylabel="metres", title="left wrist from left shoulder", ylim=(0, 0.8))
left.legend(title="focal length", loc="lower left")
figure.savefig("03_cameras.png", dpi=100)
