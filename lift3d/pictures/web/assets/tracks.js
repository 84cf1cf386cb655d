// Skeletons over time, as Python packed them: whole numbers, as changes from frame to frame.

const MISSING = -32768;

/** A part of the packed bytes as a typed array. */
function part(buffer, kind, [start, count]) {
  return new kind(buffer.slice(start, start + count * kind.BYTES_PER_ELEMENT));
}

/** An array cut into rows. */
function rowsOf(array, width) {
  return Array.from({ length: array.length / width }, (_, i) =>
    array.subarray(width * i, width * (i + 1)));
}

/** Changes from frame to frame summed up again, in sixteen bits; missing values are NaN. */
function summed(changes, width, step) {
  const out = new Float32Array(changes.length);
  for (let i = 0; i < changes.length; i++) {
    if (i >= width) changes[i] += changes[i - width];
    out[i] = changes[i] === MISSING ? NaN : changes[i] * step;
  }
  return out;
}

/** A person's joints [frames joints 3], spreads [frames joints 6] and what is shown in each frame. */
function readTrack(buffer, person) {
  const count = person.joints.length;
  const shown = part(buffer, Uint8Array, person.shown);
  const middles = part(buffer, Float32Array, person.middles);
  const joints = summed(part(buffer, Int16Array, person.places), 3 * count, person.step);
  for (let i = 0; i < joints.length; i++) {
    joints[i] += middles[3 * Math.floor(i / (3 * count)) + (i % 3)];
  }
  const spread = person.spread
    ? summed(part(buffer, Int16Array, person.spread), 6 * count, person.spreadStep) : null;
  return { count, shown, joints, spread };
}

const SKELETON = 1;
const BODY = 2;
const FEET = [4, 8];

/** Which two frames a time (in frames) lies between, and how far. */
function momentAt(time, frames) {
  const from = clamp(Math.floor(time), 0, frames - 1);
  return { from, to: Math.min(from + 1, frames - 1), share: clamp(time - from, 0, 1) };
}

/** The joints of a person at a moment; null where nobody is shown. */
function jointsAt(track, moment) {
  const { from, to, share } = moment;
  if (!(track.shown[from] & SKELETON)) return null;
  const next = track.shown[to] & SKELETON ? to : from;
  const width = 3 * track.count;
  const out = new Float32Array(width);
  for (let i = 0; i < width; i++) {
    const here = track.joints[width * from + i];
    const there = track.joints[width * next + i];
    out[i] = Number.isFinite(there) ? mix(here, there, share) : here;
  }
  return out;
}

/** Some joints' middle; null where one is missing. */
function middleOf(joints, which) {
  const sum = [0, 0, 0];
  for (const joint of which) {
    for (let k = 0; k < 3; k++) sum[k] += joints[3 * joint + k] / which.length;
  }
  return sum.every(Number.isFinite) ? sum : null;
}

/** The least and largest coordinates of many points; null where there is none. */
function boundsOf(arrays) {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (const points of arrays) {
    for (let i = 0; i < points.length; i++) {
      if (!Number.isFinite(points[i])) continue;
      low[i % 3] = Math.min(low[i % 3], points[i]);
      high[i % 3] = Math.max(high[i % 3], points[i]);
    }
  }
  return low.every(Number.isFinite) ? { low, high } : null;
}
