"""Joint angles

Angles with OpenSim's names and signs, from the fitted body's rotations: radians, 0 in upright
stance.
"""

import matplotlib as mpl
import numpy as np

import lift3d
from lift3d.io.motion.joint_angles import joint_angles
from lift3d.pipeline import make_body
from lift3d.samples import balancing

mpl.use("agg")
from matplotlib import pyplot as plt

with balancing() as keypoints:
    clip = lift3d.lift(keypoints)
angles = joint_angles(clip, clip.people[0], make_body(clip.body_model).articulation)
times = np.arange(len(clip)) / clip.fps

figure, panels = plt.subplots(1, 3, figsize=(7.8, 2.6), sharex=True, layout="constrained")
for axes, name in zip(panels, ("hip_flexion", "knee_angle", "elbow_flex"), strict=True):
    for side, color in (("l", "#e4572e"), ("r", "#2e86de")):
        axes.plot(times, np.degrees(angles[f"{name}_{side}"]), color=color, label=side)
    axes.set(title=name, xlabel="seconds")
panels[0].set_ylabel("degrees")
panels[0].legend(["left", "right"])
figure.savefig("06_joint_angles.png", dpi=100)
