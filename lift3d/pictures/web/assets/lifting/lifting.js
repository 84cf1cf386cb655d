// Keypoints to joints: rays, the network in ONNX Runtime Web, and the person's place before the camera.
// The formulas are those of `lift3d.lifting.view`, `lift3d.lifting.seen` and `lift3d.geometry.rays`.

const POINTS = 40;
const AHEAD = 0.05;
const BATCH = 128;
const packs = {};
window.lift3dPack = (name, text) => { packs[name] = text; };

async function bytesOf(name) {
  if (!packs[name]) {
    throw new Error(`expected ${name}.js beside this page, got none: copy the whole folder`);
  }
  const data = await inflated(packs[name]);
  delete packs[name];
  return data;
}

/** The network, ready to run; nothing but what lies beside the page is used. */
async function makeSession() {
  if (typeof WebAssembly === "undefined") {
    throw new Error("expected WebAssembly, got a browser without it: switch it on or use a newer browser");
  }
  const code = new Blob([await bytesOf("runtime")], { type: "text/javascript" });
  const address = URL.createObjectURL(code);
  const ort = await import(address);
  URL.revokeObjectURL(address);
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = await bytesOf("wasm");
  const model = new Uint8Array(await bytesOf("universal"));
  return { ort, session: await ort.InferenceSession.create(model, { executionProviders: ["wasm"] }) };
}

/** The smallest rotation (rows) that turns a unit vector before the camera into (0, 0, 1). */
function turnAhead([x, y, z]) {
  const k = 1 / (1 + z);
  return [[1 - k * x * x, -k * x * y, -x], [-k * x * y, 1 - k * y * y, -y], [x, y, z]];
}

const turned = (rows, v) => rows.map((row) => dot(row, v));
const turnedBack = (rows, v) => [0, 1, 2].map((k) =>
  rows[0][k] * v[0] + rows[1][k] * v[1] + rows[2][k] * v[2]);

/** One frame as a camera sees it that looks straight at the person. */
function viewOf(points, places, { focal, centre, hips, least }) {
  const rays = new Array(POINTS).fill(null);
  const sure = new Float64Array(POINTS);
  for (let i = 0; 3 * i < points.length; i++) {
    const at = places[i];
    if (at === undefined || at < 0 || !(points[3 * i + 2] >= least)) continue;
    rays[at] = unit([(points[3 * i] - centre[0]) / focal, (points[3 * i + 1] - centre[1]) / focal, 1]);
    sure[at] = points[3 * i + 2];
  }
  const both = hips.map((hip) => rays[hip]);
  const looked = both.every(Boolean) ? both : rays.filter(Boolean);
  const rotation = turnAhead(looked.length ? unit(looked.reduce(add)) : [0, 0, 1]);
  const slopes = new Float32Array(2 * POINTS);
  rays.forEach((ray, i) => {
    const [x, y, z] = ray ? turned(rotation, ray) : [0, 0, 0];
    if (z > AHEAD) slopes.set([x / z, y / z], 2 * i);
    else sure[i] = 0;
  });
  return { slopes, sure, rotation, count: sure.filter((c) => c > 0).length };
}

/** Where the root is, so that the joints come closest to their rays (three normal equations). */
function rootOf(joints, { slopes, sure }) {
  const total = sure.reduce((sum, w) => sum + w, 0);
  const terms = [0, 1].flatMap((axis) => {
    const slope = (i) => slopes[2 * i + axis];
    const right = (i) => slope(i) * joints[3 * i + 2] - joints[3 * i + axis];
    const mean = (of) => sure.reduce((sum, w, i) => (w ? sum + w * of(i) : sum), 0) / total;
    const [s, b] = [mean(slope), mean(right)];
    const top = mean((i) => (slope(i) - s) * (right(i) - b));
    return [{ s, b, top, under: mean((i) => (slope(i) - s) ** 2) }];
  });
  const depth = -(terms[0].top + terms[1].top) / (terms[0].under + terms[1].under);
  return [terms[0].b + terms[0].s * depth, terms[1].b + terms[1].s * depth, depth];
}

/** A person's joints [frames joints 3] in the camera's frame, NaN where not seen, frame by frame. */
async function liftPerson({ ort, session }, views, frames, joints, told) {
  const out = new Float64Array(3 * joints * frames).fill(NaN);
  for (let start = 0; start < views.length; start += BATCH) {
    const some = views.slice(start, start + BATCH);
    const points = new Float32Array(2 * POINTS * some.length);
    const seen = new Uint8Array(POINTS * some.length);
    some.forEach((view, i) => {
      points.set(view.slopes, 2 * POINTS * i);
      seen.set(view.sure.map((c) => (c > 0 ? 1 : 0)), POINTS * i);
    });
    const answer = await session.run({
      points: new ort.Tensor("float32", points, [some.length, POINTS, 2]),
      seen: new ort.Tensor("bool", seen, [some.length, POINTS]),
    });
    rowsOf(answer.joints.data, 3 * POINTS).forEach((row, i) => place(row, some[i], out, joints));
    told(some.length);
    await new Promise((go) => setTimeout(go));
  }
  return out;
}

function place(relative, view, out, joints) {
  const root = rootOf(relative, view);
  if (!(root[2] > 0)) return;
  for (let joint = 0; joint < joints; joint++) {
    const at = add(Array.from(relative.subarray(3 * joint, 3 * joint + 3)), root);
    out.set(turnedBack(view.rotation, at), 3 * (joints * view.frame + joint));
  }
}

/** Everybody lifted: `people` have `rows`; frames with too few keypoints stay NaN. */
async function liftPeople(runtime, people, camera, clip, told) {
  const { facts } = clip;
  const places = facts.layouts[clip.layout].map((name) => facts.vocabulary.indexOf(name));
  const all = people.reduce((sum, { rows }) => sum + rows.length, 0);
  let done = 0;
  const lifted = [];
  for (const { rows } of people) {
    const views = rows.map(({ frame, points }) => (
      { frame: frame - clip.first, ...viewOf(points, places, camera) }))
      .filter(({ count }) => count >= facts.minKeypoints);
    const joints = await liftPerson(runtime, views, clip.frames, facts.joints, (count) => {
      done += count;
      told(done / all);
    });
    if (joints.some(Number.isFinite)) lifted.push(joints);
  }
  if (!lifted.length) {
    refuse(`somebody with at least ${facts.minKeypoints} keypoints in some frame`, "nobody",
      "check the detector's confidences");
  }
  return lifted;
}
