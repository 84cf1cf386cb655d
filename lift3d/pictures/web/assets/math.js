// Vectors are arrays of three, matrices are Float32Arrays of sixteen, column by column (OpenGL).

const add = (a, b) => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
const sub = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const scale = (a, s) => [a[0] * s, a[1] * s, a[2] * s];
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const length = (a) => Math.hypot(a[0], a[1], a[2]);
const cross = (a, b) => [
  a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0],
];
const unit = (a) => scale(a, 1 / Math.max(length(a), 1e-12));
const mix = (a, b, share) => a + (b - a) * share;
const clamp = (x, low, high) => Math.min(high, Math.max(low, x));

function identity() {
  return Float32Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
}

/** a b */
function multiplied(a, b) {
  const out = new Float32Array(16);
  for (let column = 0; column < 4; column++) {
    for (let row = 0; row < 4; row++) {
      let sum = 0;
      for (let k = 0; k < 4; k++) sum += a[4 * k + row] * b[4 * column + k];
      out[4 * column + row] = sum;
    }
  }
  return out;
}

/** A rotation (unit quaternion x y z w) and then a shift. */
function rigid(q, at) {
  const [x, y, z, w] = q;
  return Float32Array.of(
    1 - 2 * (y * y + z * z), 2 * (x * y + z * w), 2 * (x * z - y * w), 0,
    2 * (x * y - z * w), 1 - 2 * (x * x + z * z), 2 * (y * z + x * w), 0,
    2 * (x * z + y * w), 2 * (y * z - x * w), 1 - 2 * (x * x + y * y), 0,
    at[0], at[1], at[2], 1,
  );
}

/** m p, with the last coordinate kept. */
function transformed(m, p) {
  const out = [0, 0, 0, 0];
  for (let row = 0; row < 4; row++) {
    out[row] = m[row] * p[0] + m[4 + row] * p[1] + m[8 + row] * p[2] + m[12 + row];
  }
  return out;
}

/** Where the camera of a rigid view matrix stands: -R' t. */
function eyeOf(view) {
  const shift = [view[12], view[13], view[14]];
  return [0, 1, 2].map((row) => -dot([view[4 * row], view[4 * row + 1], view[4 * row + 2]], shift));
}

/** The view of an eye that looks at a place. `up` must not point along the line of sight. */
function lookAt(eye, target, up) {
  const back = unit(sub(eye, target));
  const right = unit(cross(up, back));
  const above = cross(back, right);
  return Float32Array.of(
    right[0], above[0], back[0], 0, right[1], above[1], back[1], 0,
    right[2], above[2], back[2], 0, -dot(right, eye), -dot(above, eye), -dot(back, eye), 1,
  );
}

/** A centred pinhole: `angle` is the field of view along the shorter side, radians. */
function perspective(angle, width, height, near, far) {
  const focal = Math.min(width, height) / 2 / Math.tan(angle / 2);
  return pinhole([focal, 0, (width - 1) / 2, 0, focal, (height - 1) / 2, 0, 0, 1],
    width, height, near, far);
}

/**
 * The projection of intrinsics (rows of K, pixels; a whole number is a pixel's centre) for a picture
 * of that size, for view axes x right, y up, z backwards.
 */
function pinhole(k, width, height, near, far) {
  return Float32Array.of(
    2 * k[0] / width, 0, 0, 0,
    -2 * k[1] / width, 2 * k[4] / height, 0, 0,
    1 - 2 * (k[2] + 0.5) / width, 2 * (k[5] + 0.5) / height - 1, -(far + near) / (far - near), -1,
    0, 0, -2 * far * near / (far - near), 0,
  );
}

/** Intrinsics after their picture was made to fit into the middle of another. */
function fitted(k, size, width, height) {
  const s = Math.min(width / size[0], height / size[1]);
  const left = (width - s * size[0]) / 2;
  const top = (height - s * size[1]) / 2;
  return [
    s * k[0], s * k[1], s * (k[2] + 0.5) - 0.5 + left,
    0, s * k[4], s * (k[5] + 0.5) - 0.5 + top, 0, 0, 1,
  ];
}
