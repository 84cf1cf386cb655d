"""Keypoints from arrays

Keypoints of your own detector as arrays: name their layout, say how large the picture is, and
lift them. Points without confidence are missing, and stay out; here both wrists are.
"""

import torch

import lift3d
from lift3d.clip import Clip
from lift3d.pictures import Look, still, write_png
from lift3d.samples import balancing
from lift3d.skeletons import COCO_17

with balancing() as file:  # stands for your detector
    found = lift3d.read_keypoints(file).people[0].pose.to(COCO_17)
pixels, confidence = found.keypoints, found.confidence.clone()  # [frames, 17, 2], [frames, 17]
confidence[:, [COCO_17.index("left_wrist"), COCO_17.index("right_wrist")]] = 0

pose = lift3d.Pose2D.from_detections(pixels, confidence, COCO_17, image_size=(1920, 1080))
seen = torch.ones(len(pixels), dtype=torch.bool)
person = lift3d.Motion(pose, fps=60.0, person=0, observed=seen)
camera = lift3d.Camera.default((1920, 1080))
joints = lift3d.lifters["temporal"]()(person, camera)
print(joints.pose.joints.shape, joints.pose.frame, "wrists are guessed, and unsure:")
spread = joints.pose.covariance[48].diagonal(dim1=-2, dim2=-1).sum(-1).sqrt()
for name in ("left_wrist", "left_knee"):
    print(f"{name}: {1000 * float(spread[joints.pose.skeleton.index(name)]):.0f} mm")

clip = Clip((lift3d.Person(person, joints, None),), camera, 60.0, 0, "")
look = Look(panels=("keypoints", "skeleton", "side"), height=260, max_width=780)
write_png("01_arrays.png", still(clip, frame=48, look=look))
