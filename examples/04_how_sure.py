"""How sure is it?

Every joint has a covariance. Its long axis points along the line of sight, since depth is what a
picture hides; the curves are one standard deviation of the left wrist along each axis of the
camera.
"""

import matplotlib as mpl

import lift3d
from lift3d.samples import balancing

mpl.use("agg")
from matplotlib import pyplot as plt

with balancing() as keypoints:
    clip = lift3d.lift(keypoints, options=lift3d.LiftOptions(lifter="universal", body_model=""))
pose = clip.people[0].joints.pose
wrist = pose.skeleton.index("left_wrist")
deviation = pose.covariance[:, wrist].diagonal(dim1=-2, dim2=-1).sqrt()  # [frames, 3] metres

figure, axes = plt.subplots(figsize=(7.8, 2.6), layout="constrained")
for axis, words in enumerate(("to the right", "down", "away from the camera")):
    axes.plot(1000 * deviation[:, axis], label=words)
axes.set(xlabel="frame", ylabel="mm", title="left wrist: one standard deviation", ylim=(0, None))
axes.legend(loc="upper left")
figure.savefig("04_how_sure.png", dpi=100)
print("widest in frame", int(deviation[:, 2].argmax()))
