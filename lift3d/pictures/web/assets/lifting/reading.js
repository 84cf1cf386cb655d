// From files to keypoints in pixels, frame by frame; formats are told apart by their content.

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const MOST_BYTES = 3e8;
const MOST_SIDE = 1e6;
const SPREAD = 100;

/** Nothing that is wrong goes on: one sentence says what to do. */
function refuse(expected, got, act) { throw new Error(`expected ${expected}, got ${got}: ${act}`); }

/** Ids count only where they are whole numbers from 0. */
function idOf(value) {
  let id = value;
  while (Array.isArray(id) && id.length === 1) [id] = id;
  return Number.isSafeInteger(id) && id >= 0 ? id : null;
}

function triplets(values, where) {
  if (values.length % 3 || !values.length) {
    refuse(`x, y, confidence for every keypoint in ${where}`, `${values.length} numbers`,
      "write three per keypoint");
  }
  if (!values.every((value) => value === null || typeof value === "number")) {
    refuse(`numbers in ${where}`, "something else", "write it again");
  }
  return Float64Array.from(values, (value) => value ?? NaN);
}

function sizeOf(value, where) {
  const good = Array.isArray(value) && value.length === 2
    && value.every((side) => Number.isSafeInteger(side) && side > 0 && side <= MOST_SIDE);
  if (!good) {
    refuse(`image_size as [height, width] in pixels in ${where}`, JSON.stringify(value).slice(0, 40),
      "correct it");
  }
  return value;
}

function lastNumber(name) {
  const match = /(\d+)\D*$/.exec(name.replace(/\.[^./\\]*$/, ""));
  return match ? Number(match[1].slice(-12)) : null;
}

/** Frames of pictures with numbers: these where they lie close together, else their order. */
function pictureFrames(rows, others = []) {
  const all = [...new Set([...rows.map(({ frame }) => frame), ...others])].sort((a, b) => a - b);
  if (all[0] >= 0 && all[all.length - 1] - all[0] < 3 * all.length) return { numbers: all };
  const order = new Map(all.map((picture, i) => [picture, i]));
  for (const row of rows) row.frame = order.get(row.frame);
  return { numbers: [...order.values()] };
}

/** The same for pictures with names: the last number in each, else the order in the file. */
function namedFrames(rows, names = [...new Set(rows.map(({ frame }) => frame))]) {
  const found = names.map(lastNumber);
  const [low, high] = found.reduce(([a, b], n) => [Math.min(a, n), Math.max(b, n)], [Infinity, 0]);
  const good = new Set(found).size === names.length && !found.includes(null)
    && high - low < SPREAD * (names.length + 10);
  const order = new Map(names.map((name, i) => [name, good ? found[i] : i]));
  for (const row of rows) row.frame = order.get(row.frame);
  return { numbers: [...order.values()] };
}

/** Files as { name, document }, however they were chosen. */
async function parsed(chosen) {
  const files = chosen.filter(({ name }) => !name.startsWith(".") && /\.json$/i.test(name));
  if (!files.length) {
    refuse("keypoint files ending in .json", chosen[0] ? `'${chosen[0].name}'` : "none",
      "give OpenPose's, COCO's, AlphaPose's or MediaPipe's, or use 'lift3d lift' for other formats");
  }
  if (files.reduce((sum, { size }) => sum + size, 0) > MOST_BYTES) {
    refuse("at most 300 MB of keypoints", "more", "split the clip or use 'lift3d lift'");
  }
  return Promise.all(files.map(async (file) => {
    try {
      return { name: file.name, document: JSON.parse(await file.text()) };
    } catch (error) {
      return refuse(`JSON in '${file.name}'`, error.message, "write it again");
    }
  }));
}

/** What the files say: `rows` of people, `numbers` of all frames, and the format's facts. */
function detectionsIn(files) {
  const [{ name, document }] = files;
  const where = `'${name}'`;
  const alone = [[isAnnotations, readAnnotations], [isResults, readResults],
    [isMediaPipe, readMediaPipe], [isPictures, readPictures]];
  if (files.every((file) => isOpenPose(file.document))) return settled(readOpenPose(files), where);
  if (files.length > 1) {
    refuse("one file, or OpenPose's frames of one clip", `${files.length} files with others among them`,
      "give one detector's clip at a time");
  }
  const [, read] = alone.find(([is]) => is(document)) ?? [];
  if (!read) {
    refuse(`keypoints of OpenPose, COCO, AlphaPose or MediaPipe in ${where}`, "something else",
      "use 'lift3d lift' for other formats");
  }
  return settled(read(document, where), where);
}

/** The same after what cannot be a clip was refused, with names for the points. */
function settled(found, where) {
  const { rows, numbers } = found;
  if (!rows.length) {
    refuse(`at least one person in ${where}`, `${numbers.length} frames without anybody`,
      "check the detector's pictures");
  }
  const [first, last] = numbers.reduce(([a, b], n) => [Math.min(a, n), Math.max(b, n)], [Infinity, -1]);
  if (first < 0 || last - first + 1 > SPREAD * (numbers.length + 10)) {
    refuse(`the frame numbers of one clip in ${where}`,
      `${numbers.length} frames numbered ${first} to ${last}`, "renumber the frames");
  }
  const count = rows[0].points.length / 3;
  const other = rows.find(({ points }) => points.length !== 3 * count);
  if (other) {
    refuse(`one skeleton for everybody in ${where}`, `${count} and ${other.points.length / 3} keypoints`,
      "keep one detector's output per clip");
  }
  const layout = found.layouts[count];
  if (!layout) {
    refuse(`${Object.keys(found.layouts).join(", ")} keypoints per person of ${found.format}`, count,
      "use 'lift3d lift' with --skeleton");
  }
  return { fps: null, size: null, ...found, first, last, layout };
}

/** Everybody's points in pixels: NaN and 0 where missing; who shows fewer than three is nobody. */
function inPixels(found, size, where) {
  const [height, width] = size ?? [0, 0];
  if (found.space !== "pixels" && !size) {
    refuse(`the picture's size for ${where}, whose coordinates are shares of it`, "none",
      "write width and height above");
  }
  const move = {
    pixels: (x) => x, share: (x, side) => x * side - 0.5,
    unit: (x, side) => x * (side - 1), signed: (x, side) => (x + 1) / 2 * (side - 1),
  }[found.space];
  const rows = found.rows.map(({ frame, who, points }) => {
    const out = new Float64Array(points.length);
    let seen = 0;
    for (let i = 0; i < points.length; i += 3) {
      const [x, y, sure] = points.subarray(i, i + 3);
      const good = Math.abs(x) < 1e6 && Math.abs(y) < 1e6 && sure > 0;
      if (good) seen += 1;
      out.set(good ? [move(x, width), move(y, height), Math.min(sure, 1)] : [NaN, NaN, 0], i);
    }
    return { frame, who, seen, points: out };
  }).filter(({ seen }) => seen >= 3);
  if (!rows.length) {
    refuse(`at least 3 keypoints of somebody in ${where}`, "fewer", "check the detector's pictures");
  }
  return rows;
}

/** The smallest common size of videos that holds all sure points, or 99 in 100 of them. */
function assumedSize(rows, sizes) {
  const places = (least) => rows.flatMap(({ points }) => rowsOf(points, 3))
    .filter(([, , sure]) => sure > 0 && sure >= least);
  const sure = places(0.3);
  const used = sure.length ? sure : places(0);
  const [xs, ys] = [0, 1].map((axis) => used.map((place) => place[axis]).sort((a, b) => a - b));
  for (const share of [1, 0.99]) {
    const at = Math.round(share * (xs.length - 1));
    const fits = sizes.find(([height, width]) => xs[at] <= width - 0.5 && ys[at] <= height - 0.5);
    if (fits) return fits;
  }
  return [ys, xs].map((side) => Math.max(1, Math.ceil(side[side.length - 1] + 0.5)));
}
