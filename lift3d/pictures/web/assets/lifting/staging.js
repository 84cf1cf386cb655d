// Lifted people as what the player shows: stood upright on their floor.

const SOLE = 0.03;
const MOST_TILT = 0.9;  // radians: beyond it people lie rather than the camera tilts

const jointAt = (joints, start, which) =>
  Array.from(joints.subarray(start + 3 * which, start + 3 * which + 3));
const median = (numbers) => numbers.sort((a, b) => a - b)[Math.floor((numbers.length - 1) / 2)];

/** Rows of the rotation from the camera to a world in which people stand: from ankles to shoulders. */
function uprightWorld(people, facts) {
  const names = facts.vocabulary;
  const [ankles, shoulders] = ["ankle", "shoulder"].map((part) =>
    ["left", "right"].map((side) => names.indexOf(`${side}_${part}`)));
  const ways = [[], [], []];
  for (const joints of people) {
    for (let start = 0; start < joints.length; start += 3 * facts.joints) {
      if (!Number.isFinite(joints[start])) continue;
      const [low, high] = [ankles, shoulders].map((pair) =>
        add(...pair.map((each) => jointAt(joints, start, each))));
      unit(sub(high, low)).forEach((x, axis) => ways[axis].push(x));
    }
  }
  const up = unit(ways.map(median));
  const level = [up[0], -up[1], -up[2]];  // in the axes of a level camera's world
  if (Math.acos(clamp(level[1], -1, 1)) > MOST_TILT) return [[1, 0, 0], [0, -1, 0], [0, 0, -1]];
  const [x, y, z] = level;
  const k = 1 / (1 + y);
  const stand = [[1 - k * x * x, -x, -k * x * z], [x, y, z], [-k * x * z, -z, 1 - k * z * z]];
  return stand.map((row) => [row[0], -row[1], -row[2]]);
}

function inWorld(joints, world) {
  const out = new Float32Array(joints.length);
  rowsOf(joints, 3).forEach((at, i) => out.set(turned(world, at), 3 * i));
  return out;
}

/** The height that the lowest of all joints stand on. */
function floorUnder(tracks) {
  const heights = tracks.flatMap((joints) => rowsOf(joints, 3).map(([, y]) => y))
    .filter(Number.isFinite);
  heights.sort((a, b) => a - b);
  return heights[Math.floor(heights.length / 200)] - SOLE;
}

/** Scene and tracks for `played`. */
function stageOf(clip, people) {
  const { facts, size: [height, width], focal } = clip;
  const world = uprightWorld(people, facts);
  const places = people.map((joints) => inWorld(joints, world));
  const floor = floorUnder(places);
  const tracks = places.map((joints) => {
    for (let i = 1; i < joints.length; i += 3) joints[i] -= floor;
    const shown = Uint8Array.from({ length: clip.frames }, (_, frame) => (
      Number.isFinite(joints[3 * facts.joints * frame]) ? SKELETON : 0));
    return { count: facts.joints, shown, joints, spread: null };
  });
  const pose = new Float32Array(16);
  for (const row of [0, 1, 2]) {  // the world's inverse: its transpose, and the floor's height
    for (const k of [0, 1, 2]) pose[4 * row + k] = world[k][row];
    pose[4 * row + 3] = world[1][row] * floor;
  }
  pose[15] = 1;
  const scene = {
    ...facts.scene, title: clip.title, notes: clip.notes, fps: clip.fps, frames: clip.frames,
    firstFrame: clip.first, stride: 1, total: clip.frames, turns: false,
    camera: { size: [width, height], poses: [pose],
      intrinsics: [focal, 0, (width - 1) / 2, 0, focal, (height - 1) / 2, 0, 0, 1] },
    people: people.map((_, i) => (
      { ...facts.scene.people[i % facts.scene.people.length], name: `person ${i}` })),
  };
  return { scene, tracks, world };
}
