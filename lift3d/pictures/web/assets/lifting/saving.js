// What was lifted, as files.

function savedAs(name, kind, text) {
  const address = URL.createObjectURL(new Blob([text], { type: kind }));
  Object.assign(document.createElement("a"), { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

const rounded = (x) => Number(x.toFixed(5));

/** Joints in the camera's frame (x right, y down, z forward, metres); null where nobody is seen. */
function asJson({ clip, people, world }) {
  const { facts } = clip;
  const width = 3 * facts.joints;
  const frameOf = (joints, frame) => {
    const row = Array.from(joints.subarray(width * frame, width * (frame + 1)), rounded);
    return Number.isFinite(row[0]) ? rowsOf(Float64Array.from(row), 3).map((at) => Array.from(at)) : null;
  };
  return JSON.stringify({
    format: "lift3d joints 1", source: clip.title, unit: "metre",
    axes: "camera: x right, y down, z forward", fps: clip.fps, first_frame: clip.first,
    image_size: clip.size, focal: clip.focal, smooth_seconds: clip.seconds, notes: clip.notes,
    joints: facts.vocabulary.slice(0, facts.joints), world_from_camera: world,
    people: people.map((joints, id) => ({
      id, frames: Array.from({ length: clip.frames }, (_, frame) => frameOf(joints, frame)),
    })),
  });
}

/** One row per frame, person and joint, in a y-up world, with names as in `lift3d lift -o x.csv`. */
function asCsv({ clip, people, world }) {
  const { facts } = clip;
  const lines = ["frame,time,person,joint,x,y,z"];
  for (let frame = 0; frame < clip.frames; frame++) {
    const number = clip.first + frame;
    people.forEach((joints, id) => {
      for (let joint = 0; joint < facts.joints; joint++) {
        const at = turned(world, jointAt(joints, 3 * facts.joints * frame, joint));
        if (!at.every(Number.isFinite)) continue;
        const what = [number, rounded(number / clip.fps), id, facts.vocabulary[joint]];
        lines.push([...what, ...at.map(rounded)].join());
      }
    });
  }
  return `${lines.join("\n")}\n`;
}
