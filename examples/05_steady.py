"""Smoothing

What a single-frame lifter says from frame to frame, and what two ways of smoothing make of it: a
window of one width, and a Kalman smoother that trusts each joint as far as its covariance says.
"""

import matplotlib as mpl

import lift3d
from lift3d.samples import balancing

mpl.use("agg")
from matplotlib import pyplot as plt

ways = {
    "as lifted": lift3d.LiftOptions("universal", body_model="", smooth_seconds=0.0),
    "gaussian": lift3d.LiftOptions("universal", body_model=""),
    "kalman": lift3d.LiftOptions("universal", body_model="", smoothing="kalman"),
}
figure, axes = plt.subplots(figsize=(7.8, 2.6), layout="constrained")
for name, options in ways.items():
    with balancing() as keypoints:
        pose = lift3d.lift(keypoints, options=options).people[0].joints.pose
    wrist = pose.joints[:, pose.skeleton.index("right_wrist"), 2]  # metres from the camera
    axes.plot(wrist, label=name, color="#c0c4cc" if name == "as lifted" else None)
    print(f"{name}: {1000 * float(wrist.diff().diff().abs().mean()):.1f} mm per frame squared")
axes.set(xlabel="frame", ylabel="metres", title="right wrist: distance from the camera")
axes.legend()
figure.savefig("05_steady.png", dpi=100)
