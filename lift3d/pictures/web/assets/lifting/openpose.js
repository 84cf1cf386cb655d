// OpenPose: one JSON file per frame, as `lift3d.io.keypoints.openpose` reads them.

const OPENPOSE_LAYOUTS = { 15: "mpi_15", 18: "coco_18", 25: "body_25", 26: "halpe_26", 135: "body_135" };

const isOpenPose = (document) => isObject(document) && ("people" in document || "bodies" in document);

/** Files of one clip; their numbers are the last ones in their names. */
function readOpenPose(files) {
  const numbers = files.length > 1 ? frameNumbers(files) : [lastNumber(files[0].name) ?? 0];
  const rows = files.flatMap(({ name, document }, i) => openPosePeople(document, numbers[i], `'${name}'`));
  return { format: "OpenPose JSON", rows, numbers, layouts: OPENPOSE_LAYOUTS, space: openPoseSpace(rows) };
}

function openPosePeople(document, frame, where) {
  const people = document.people ?? document.bodies;
  if (!Array.isArray(people)) {
    refuse(`OpenPose's 'people' in ${where}`, "something else", "give one detector's files only");
  }
  return people.flatMap((person, number) => {
    const values = person && (person.pose_keypoints_2d ?? person.pose_keypoints ?? person.joints);
    if (!Array.isArray(values)) {
      refuse(`'pose_keypoints_2d' in ${where}, person ${number}`, "none",
        "run OpenPose with its body detector on");
    }
    if (!values.length) return [];
    return [{ frame, who: idOf(person.person_id), points: triplets(values, `${where}, person ${number}`) }];
  });
}

/** No pixels stay within 2 for a whole clip; 0, 0 means that nothing was found, but around the middle. */
function openPoseSpace(rows) {
  let [low, high] = [Infinity, -Infinity];
  for (const { points } of rows) {
    for (let i = 0; i < points.length; i += 3) {
      if (!(points[i + 2] > 0.1) || !Number.isFinite(points[i] + points[i + 1])) continue;
      low = Math.min(low, points[i], points[i + 1]);
      high = Math.max(high, Math.abs(points[i]), Math.abs(points[i + 1]));
    }
  }
  const space = !(high <= 2) ? "pixels" : low < 0 ? "signed" : "unit";
  for (const { points } of space === "signed" ? [] : rows) {
    rowsOf(points, 3).forEach((point) => { if (!point[0] && !point[1]) point[2] = 0; });
  }
  return space;
}

function frameNumbers(files) {
  files.sort((a, b) => (a.name < b.name ? -1 : 1));
  const numbers = files.map(({ name }) => lastNumber(name));
  const clip = (name) => name.replace(/\d+\D*$/, "");
  files.forEach(({ name }, i) => {
    if (numbers[i] === null) refuse("a frame number in every file's name", `'${name}'`, "leave it out");
    const other = clip(name) !== clip(files[0].name) ? 0 : numbers.indexOf(numbers[i]);
    if (clip(name) !== clip(files[0].name) || other < i) {
      refuse("the frames of one clip", `'${files[other].name}' and '${name}'`, "give one clip at a time");
    }
  });
  return numbers;
}
