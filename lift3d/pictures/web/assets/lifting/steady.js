// Lifted joints made steady over time, by the Gaussian windows of `lift3d.lifting.steady`.

const DIRECTION = 0.5;
const DISTANCE = 5;
const LONGEST_GAP = 0.5;  // seconds that are bridged

/** Series [frames width]: gaps by straight lines, the ends by the nearest seen frame. */
function filled(values, width, seen) {
  const known = seen.flatMap((is, frame) => (is ? [frame] : []));
  const out = new Float64Array(values.length);
  let next = 0;
  seen.forEach((_, frame) => {
    while (next < known.length - 1 && known[next] < frame) next += 1;
    const after = known[next];
    const before = after > frame && next > 0 ? known[next - 1] : after;
    const share = after > before ? (frame - before) / (after - before) : 0;
    for (let k = 0; k < width; k++) {
      out[width * frame + k] = mix(values[width * before + k], values[width * after + k], share);
    }
  });
  return out;
}

/** A local line in a Gaussian window, at every frame. */
function smoothed(values, width, sigma) {
  const frames = values.length / width;
  if (sigma <= 0 || frames < 2) return values;
  const reach = Math.min(frames - 1, Math.ceil(3 * sigma));
  const out = new Float64Array(values.length);
  for (let frame = 0; frame < frames; frame++) {
    let [s0, s1, s2] = [0, 0, 0];
    const [b0, b1] = [new Float64Array(width), new Float64Array(width)];
    for (let t = Math.max(-reach, -frame); t <= Math.min(reach, frames - 1 - frame); t++) {
      const g = Math.exp(-0.5 * (t / sigma) ** 2);
      [s0, s1, s2] = [s0 + g, s1 + g * t, s2 + g * t * t];
      for (let k = 0; k < width; k++) {
        const v = g * values[width * (frame + t) + k];
        b0[k] += v;
        b1[k] += v * t;
      }
    }
    const det = s0 * s2 - s1 * s1;
    for (let k = 0; k < width; k++) {
      out[width * frame + k] = det > 1e-6 * s0 * s2 ? (s2 * b0[k] - s1 * b1[k]) / det : b0[k] / s0;
    }
  }
  return out;
}

/** Frames that are shown: seen ones, and short gaps between them. */
function bridged(seen, longest) {
  const out = seen.slice();
  let before = -1;
  seen.forEach((is, frame) => {
    if (!is) return;
    if (before >= 0 && frame - before <= longest + 1) out.fill(true, before, frame);
    before = frame;
  });
  return out;
}

/** The same joints [frames joints 3] after a window of so many seconds. */
function steady(joints, count, fps, seconds) {
  const width = 3 * count;
  const frames = joints.length / width;
  const seen = Array.from({ length: frames }, (_, frame) => Number.isFinite(joints[width * frame]));
  if (seen.filter(Boolean).length < 3) return joints;
  const roots = new Float64Array(2 * frames);
  const far = new Float64Array(frames);
  const relative = new Float64Array(joints.length);
  for (let frame = 0; frame < frames; frame++) {
    const [x, y, z] = joints.subarray(width * frame, width * frame + 3);
    roots.set([x / z, y / z], 2 * frame);
    far[frame] = Math.log(Math.max(z, 0.05));
    for (let i = width * frame; i < width * (frame + 1); i++) {
      relative[i] = joints[i] - [x, y, z][i % 3];  // a frame's numbers are a multiple of three
    }
  }
  const windowed = (values, each, factor) =>
    smoothed(filled(values, each, seen), each, factor * seconds * fps);
  const [slopes, distance] = [windowed(roots, 2, DIRECTION), windowed(far, 1, DISTANCE)];
  const shape = windowed(relative, width, 1);
  const shown = bridged(seen, Math.round(LONGEST_GAP * fps));
  return joints.map((_, i) => {
    const frame = Math.floor(i / width);
    const z = Math.exp(distance[frame]);
    return shown[frame] ? shape[i] + [slopes[2 * frame] * z, slopes[2 * frame + 1] * z, z][i % 3] : NaN;
  });
}
