// What of the people is drawn, as numbers for the graphics card.

const LIMB_WIDTH = 0.021;
const FINE_WIDTH = 0.013;
const JOINT_WIDTH = 0.03;
const DOUBTFUL = /(elbow|wrist|knee|ankle|head)$/;
const BIG = /(shoulder|elbow|hip|knee|pelvis|thorax)/;
const MOST_DOUBT = 3;  // metres

const linear = (color) => color.map((c) => (c / 255) ** 2.2);

/** Limbs and joints of a person, thinner where there is a body around them. */
function limbsOf(person, joints, colors, inside) {
  const out = [];
  const share = inside ? 0.55 : 1;
  for (const { start, end, side, fine } of person.limbs) {
    const [a, b] = [middleOf(joints, start), middleOf(joints, end)];
    const width = share * (fine ? FINE_WIDTH : LIMB_WIDTH);
    if (a && b) out.push(...a, ...b, ...linear(colors[side]), width);
  }
  person.joints.forEach((name, joint) => {
    const at = middleOf(joints, [joint]);
    const width = share * (BIG.test(name) ? JOINT_WIDTH : LIMB_WIDTH * 1.15);
    if (at) out.push(...at, ...at, ...linear(colors[person.sides[joint]]), width);
  });
  return out;
}

/** Ellipsoids around ends of limbs, each as likely as not to hold its joint. */
function doubtsOf(person, track, moment, joints, colors) {
  const out = [];
  if (!track.spread) return out;
  const frame = moment.share < 0.5 ? moment.from : moment.to;
  person.joints.forEach((name, joint) => {
    const at = middleOf(joints, [joint]);
    const start = 6 * (frame * track.count + joint);
    const f = track.spread.subarray(start, start + 6);
    if (!at || !DOUBTFUL.test(name) || !f.every((x) => Math.abs(x) < MOST_DOUBT)) return;
    const thick = [0, 3, 5].map((k) => Math.max(f[k], 1e-4));
    out.push(...at, thick[0], f[1], f[2], ...linear(colors[person.sides[joint]]), 1,
      thick[1], f[4], thick[2]);
  });
  return out;
}

/** Discs under feet that stand. */
function standsOf(person, track, moment, joints, colors) {
  const out = [];
  FEET.forEach((bit, foot) => {
    if (!(track.shown[moment.from] & bit) || !person.feet[foot].length) return;
    const at = middleOf(joints, person.feet[foot]);
    if (at) {
      out.push(at[0], 0.004, at[2], 0.13, 0, 0, ...linear(colors[foot ? "right" : "left"]), 0,
        0.003, 0, 0.13);
    }
  });
  return out;
}

/** The keypoints' camera as thin lines from its eye to its picture's corners. */
function pyramid(view, camera, color) {
  const [width, height] = camera.size;
  const [f, , x, , g, y] = camera.intrinsics;
  const depth = 0.35;
  const eye = eyeOf(view);
  const corners = [[-0.5, -0.5], [width - 0.5, -0.5], [width - 0.5, height - 0.5], [-0.5, height - 0.5]]
    .map(([u, v]) => {
      const p = [(u - x) / f * depth, -(v - y) / g * depth, -depth];
      const turned = [0, 1, 2].map((k) => dot([view[4 * k], view[4 * k + 1], view[4 * k + 2]], p));
      return add(eye, turned);
    });
  const out = [];
  corners.forEach((corner, k) => {
    out.push(...eye, ...corner, ...linear(color), 0.004);
    out.push(...corner, ...corners[(k + 1) % 4], ...linear(color), 0.004);
  });
  return out;
}
