"""Your first lift

A keypoint file goes in; joints in metres, a body and a picture come out. `balancing()` is a real
MediaPipe file that comes with lift3d: put the path of your own file or folder in its place.
"""

import lift3d
from lift3d.pictures import Look, open_viewer, still, write_png
from lift3d.pipeline import make_body
from lift3d.samples import balancing

with balancing() as keypoints:
    clip = lift3d.lift(keypoints)
print(clip.note)

person = clip.people[0]
joints = dict(zip(person.joints.pose.skeleton.joints, person.joints.pose.joints[48], strict=True))
print("left wrist in frame 48, metres:", [round(float(x), 2) for x in joints["left_wrist"]])

viewer, _ = open_viewer()  # whichever renderer works here
picture = still(clip, make_body("default"), viewer, frame=48, look=Look(height=260, max_width=780))
write_png("00_first_lift.png", picture)
lift3d.write_clip("walk.npz", clip)
