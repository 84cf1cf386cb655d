// MediaPipe Pose: frames of 33 landmarks, as `lift3d.io.keypoints.mediapipe` reads them.

const LANDMARK_KEYS = ["landmarks", "pose_landmarks", "poseLandmarks"];

function isMediaPipe(document) {
  if (isObject(document)) return "frames" in document;
  const first = Array.isArray(document) && document.find((frame) => frame && frame.length !== 0);
  return Array.isArray(first) || (isObject(first) && LANDMARK_KEYS.some((key) => key in first));
}

function readMediaPipe(document, where) {
  const head = isObject(document) ? document : {};
  const frames = head.frames ?? document;
  if (!Array.isArray(frames)) refuse(`a list of frames in ${where}`, typeof frames, "write it again");
  const given = frames.map((frame) => (isObject(frame) ? frame.frame : null));
  const numbers = given.every(Number.isSafeInteger) ? given : frames.map((_, i) => i);
  if (new Set(numbers).size < numbers.length) {
    refuse(`every frame once in ${where}`, "a number twice", "renumber the frames");
  }
  const rows = frames.flatMap((frame, i) => {
    const place = `${where}, frame ${numbers[i]}`;
    return landmarkPeople(frame, place).map((person) => (
      { frame: numbers[i], who: null, points: landmarks(person, place) }));
  });
  const { fps = null } = head;
  if (fps !== null && !(typeof fps === "number" && fps >= 0.01 && fps <= 1e6)) {
    refuse(`fps as frames per second above 0 in ${where}`, JSON.stringify(fps).slice(0, 40), "correct it");
  }
  const all = rows.flatMap(({ points }) => Array.from(points).filter((_, i) => i % 3 < 2))
    .filter(Number.isFinite).map(Math.abs).sort((a, b) => a - b);
  return { format: "MediaPipe landmarks", rows, numbers, layouts: { 33: "mediapipe_33" }, fps,
    space: all[Math.floor(all.length / 2)] > 20 ? "pixels" : "share",
    size: head.image_size ? sizeOf(head.image_size, where) : null };
}

function landmarkPeople(frame, where) {
  const list = isObject(frame) ? frame[LANDMARK_KEYS.find((key) => key in frame)] : frame;
  if (!list) return [];
  if (!Array.isArray(list)) refuse(`a list of landmarks in ${where}`, typeof list, "write it again");
  const several = Array.isArray(list[0]) && list[0].some((part) => typeof part === "object");
  return (several ? list : [list]).filter((person) => person && person.length !== 0);
}

function landmarks(person, where) {
  if (!Array.isArray(person) || person.length !== 33) {
    refuse(`33 landmarks in ${where}`, person.length ?? "something else", "save every landmark of a person");
  }
  return Float64Array.from(person.flatMap((landmark) => {
    const [x, y, , visibility] = Array.isArray(landmark) ? landmark
      : [landmark?.x, landmark?.y, 0, landmark?.visibility];
    if ([x, y, visibility].includes(undefined)) {
      refuse(`x, y, z, visibility for every landmark in ${where}`, "fewer", "save all four");
    }
    return [x ?? NaN, y ?? NaN, visibility ?? NaN];
  }));
}
