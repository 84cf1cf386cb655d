"""Body parameters of joints

Joints of any source, here in Human3.6M's layout, become betas and rotations; the fit says how far
it is off.
"""

import lift3d
from lift3d.clip import Clip
from lift3d.fitting import fit
from lift3d.pictures import Look, open_viewer, still, write_png
from lift3d.samples import balancing
from lift3d.skeletons import H36M_17

with balancing() as keypoints:
    lifted = lift3d.lift(keypoints, options=lift3d.LiftOptions(body_model=""))
person = lifted.people[0]
joints = lift3d.Motion(person.joints.pose.to(H36M_17), lifted.fps, 0, person.joints.observed)

body = lift3d.body_models["default"]()
found = fit(body, joints)
print("converged in", int(found.converged.sum()), "of", len(joints), "frames")
print(
    "joints off by",
    {kind: f"{1000 * float(rms.nanmedian()):.0f} mm" for kind, rms in found.rms.items()},
)

fitted = lift3d.Person(person.keypoints, person.joints, found.params)
clip = Clip((fitted,), lifted.camera, lifted.fps, lifted.first_frame, "default")
viewer, _ = open_viewer()
look = Look(panels=("skeleton", "mesh", "turned"), height=260, max_width=780)
write_png("08_fit_a_body.png", still(clip, body, viewer, frame=48, look=look))
