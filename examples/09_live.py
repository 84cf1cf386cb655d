"""Live

Frames go in one by one as a camera delivers them; answers come four frames late. The past is not
kept, so this can run all day.
"""

import time

import lift3d
from lift3d.clip import Clip
from lift3d.pictures import Look, contact_sheet, write_png
from lift3d.pose import Pose2D
from lift3d.samples import balancing

with balancing() as keypoints:
    person = lift3d.read_keypoints(keypoints).people[0]
seen, camera = person.pose, lift3d.Camera.default((1920, 1080))

live = lift3d.lifters["streaming"]().live(camera, person.fps)
answers, started = [], time.perf_counter()
for points, confidence in zip(seen.keypoints, seen.confidence, strict=True):
    answer = live.push(Pose2D(points, confidence, seen.skeleton, seen.image_size))
    if answer is not None:
        answers.append(answer)
rate = len(seen.keypoints) / (time.perf_counter() - started)
print(f"{len(answers)} answers, {rate:.0f} frames a second")

latest = answers[-1].pose.joints[0]
print("pelvis, metres:", [round(float(x), 2) for x in latest[0]])
whole = lift3d.lifters["streaming"]()(person, camera)  # the same numbers, all at once
clip = Clip((lift3d.Person(person, whole, None),), camera, person.fps, 0, "")
look = Look(panels=("side",), height=260, max_width=780, captions=False)
write_png("09_live.png", contact_sheet(clip, rows=1, columns=5, look=look))
