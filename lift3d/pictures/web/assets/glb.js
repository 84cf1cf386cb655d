// What a GLB of ours holds: skinned meshes, joints that turn, correctives. No other GLB is expected.

const ARRAYS = {
  5120: Int8Array, 5121: Uint8Array, 5122: Int16Array, 5123: Uint16Array, 5125: Uint32Array,
  5126: Float32Array,
};
const WIDTHS = { SCALAR: 1, VEC2: 2, VEC3: 3, VEC4: 4, MAT4: 16 };

/** The parts of a GLB: `json`, and `accessor(i)` with its `array`, `size`, `type` and `normalized`. */
function readGlb(buffer) {
  const head = new DataView(buffer);
  if (buffer.byteLength < 28 || head.getUint32(0, true) !== 0x46546c67) {
    throw new Error("the bodies in this page are damaged: write it again");
  }
  const end = 20 + head.getUint32(12, true);
  const json = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 20, end - 20)));
  const cache = new Map();
  const accessor = (index) => {
    if (!cache.has(index)) {
      const { bufferView, componentType, count, type, normalized } = json.accessors[index];
      const kind = ARRAYS[componentType];
      const start = end + 8 + (json.bufferViews[bufferView].byteOffset || 0);
      const array = new kind(buffer.slice(start, start + count * WIDTHS[type] * kind.BYTES_PER_ELEMENT));
      cache.set(index, { index, array, size: WIDTHS[type], count, type: componentType, normalized });
    }
    return cache.get(index);
  };
  return { json, accessor };
}

/** Values as numbers: normalised whole ones are shares of the largest. */
function floats({ array, normalized }) {
  if (array instanceof Float32Array) return array;
  const most = { 1: 127, 2: 32767 }[array.BYTES_PER_ELEMENT];
  return Float32Array.from(array, (x) => (normalized ? x / most : x));
}

/** All bodies of a GLB, in the order of its meshes. */
function readBodies(buffer) {
  const file = readGlb(buffer);
  const { nodes, skins, meshes, animations } = file.json;
  const moves = nodes.map(() => ({}));
  for (const { sampler, target } of animations[0].channels || []) {
    moves[target.node][target.path] = floats(file.accessor(animations[0].samplers[sampler].output));
  }
  const parents = nodes.map(() => -1);
  nodes.forEach((node, at) => (node.children || []).forEach((child) => { parents[child] = at; }));
  return nodes.map((node, at) => [node, at]).filter(([node]) => node.mesh !== undefined)
    .map(([node, at]) => {
      const part = meshes[node.mesh].primitives[0];
      const attributes = {};
      for (const [name, index] of Object.entries(part.attributes)) {
        attributes[name] = file.accessor(index);
      }
      const targets = (part.targets || []).map((target) => file.accessor(target.POSITION));
      const bones = node.skin === undefined ? [] : bonesOf(file, skins[node.skin], parents, moves);
      return {
        attributes, bones, targets, indices: file.accessor(part.indices),
        weights: moves[at].weights,
      };
    });
}

/** Joints with their parents' places in the list, rest shifts, turns and inverse bind matrices. */
function bonesOf(file, skin, parents, moves) {
  const inverse = floats(file.accessor(skin.inverseBindMatrices));
  return skin.joints.map((node, at) => {
    const above = parents[node];
    const shift = file.json.nodes[node].translation || [0, 0, 0];
    const ground = above < 0 ? [0, 0, 0] : file.json.nodes[above].translation || [0, 0, 0];
    return {
      parent: skin.joints.indexOf(above), shift, ground,
      turns: moves[node].rotation, way: moves[node].translation,
      inverse: inverse.subarray(16 * at, 16 * at + 16),
    };
  });
}

/** Skinning matrices of a body between two frames: three rows of four for each joint, into `out`. */
function poseBones(bones, moment, out) {
  const { from, to, share } = moment;
  const places = [];
  bones.forEach(({ parent, shift, ground, turns, way, inverse }, joint) => {
    const q = [0, 1, 2, 3].map((k) => mix(turns[4 * from + k], turns[4 * to + k], share));
    const size = Math.hypot(...q);
    const at = way ? [0, 1, 2].map((k) => mix(way[3 * from + k], way[3 * to + k], share)) : shift;
    const local = rigid(q.map((x) => x / size), parent < 0 ? add(at, ground) : at);
    places.push(parent < 0 ? local : multiplied(places[parent], local));
    const skin = multiplied(places[joint], inverse);
    for (let row = 0; row < 3; row++) {
      for (let k = 0; k < 4; k++) out[12 * joint + 4 * row + k] = skin[4 * k + row];
    }
  });
  return places;
}
