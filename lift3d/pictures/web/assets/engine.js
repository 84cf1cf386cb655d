// Draws people, floor and doubts with WebGL 2.

const SHADOW = 128;
const MOST_CORRECTIVES = 16;
const HALF = Math.sqrt(2.366);  // half of all errors in three axes lie within so many deviations

function program(gl, vertex, fragment) {
  const made = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS) && !gl.isContextLost()) {
    const told = gl.getAttachedShaders(made).map((shader) => gl.getShaderInfoLog(shader)).join(" ");
    throw new Error(`this graphics card cannot run the page's shaders (${told.trim()}): `
      + "update its driver or open the page elsewhere");
  }
  const at = {};
  for (let i = 0; i < gl.getProgramParameter(made, gl.ACTIVE_UNIFORMS); i++) {
    const { name } = gl.getActiveUniform(made, i);
    at[name.replace("[0]", "")] = gl.getUniformLocation(made, name);
  }
  return { made, at };
}

function texture(gl, width, height, format, layout, kind, filter, data) {
  const made = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, made);
  gl.texImage2D(gl.TEXTURE_2D, 0, format, width, height, 0, layout, kind, data);
  for (const side of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) {
    gl.texParameteri(gl.TEXTURE_2D, side, filter);
  }
  for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) {
    gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE);
  }
  return made;
}

/** Half spheres as corners (x, y, z, which end) and triangles. */
function ball(around = 16, rings = 5) {
  const corners = [];
  const triangles = [];
  for (const end of [0, 1]) {
    for (let ring = 0; ring <= rings; ring++) {
      const tilt = (ring / rings + end - 1) * Math.PI / 2;
      for (let k = 0; k < around; k++) {
        const turn = 2 * Math.PI * k / around;
        corners.push(Math.cos(tilt) * Math.cos(turn), Math.cos(tilt) * Math.sin(turn),
          Math.sin(tilt), end);
      }
    }
  }
  for (let ring = 0; ring <= 2 * rings; ring++) {
    for (let k = 0; k < around; k++) {
      const [a, b] = [ring * around + k, ring * around + (k + 1) % around];
      triangles.push(a, b, b + around, a, b + around, a + around);
    }
  }
  return [new Float32Array(corners), new Uint16Array(triangles)];
}

/** Shares of texels 0 to 16 away in a blur, for two deviations (texels) side by side. */
function blurWeights(...deviations) {
  const out = new Float32Array(34);
  deviations.forEach((sigma, which) => {
    const bell = Array.from({ length: 17 }, (_, k) => Math.exp(-k * k / 2 / Math.max(sigma, 0.6) ** 2));
    const total = 2 * bell.reduce((sum, x) => sum + x) - 1;
    bell.forEach((x, k) => { out[2 * k + which] = x / total; });
  });
  return out;
}

class Engine {
  constructor(canvas, bodies) {
    const gl = canvas.getContext("webgl2", { antialias: true, preserveDrawingBuffer: true });
    if (!gl) throw new Error("this browser has no WebGL 2: switch it on or use a newer browser");
    this.gl = gl;
    this.canvas = canvas;
    this.bodies = bodies;
    this.skin = program(gl, SKIN, SOLID);
    this.limb = program(gl, LIMB, SOLID);
    this.skinDark = program(gl, SKIN, DARKNESS);
    this.limbDark = program(gl, LIMB, DARKNESS);
    this.glass = program(gl, ELLIPSOID, GLASS);
    this.floor = program(gl, FLOOR_PLACE, FLOOR);
    this.blur = program(gl, WHOLE, BLUR);
    this.buffers = new Map();
    this.skins = bodies.map((body) => this.uploaded(body));
    const widest = Math.max(1, ...bodies.map(({ bones }) => bones.length));
    this.rows = new Float32Array(12 * widest * Math.max(1, bodies.length));
    this.widest = widest;
    this.bones = texture(gl, 3 * widest, Math.max(1, bodies.length), gl.RGBA32F, gl.RGBA, gl.FLOAT,
      gl.NEAREST, this.rows);
    this.ball = this.instanced([[5, 3], [6, 3], [7, 4]]);
    this.lens = this.instanced([[5, 3], [6, 3], [7, 4], [8, 3]]);
    this.nothing = gl.createVertexArray();
    gl.vertexAttribI4ui(2, 0, 0, 0, 0);  // for meshes without joints,
    gl.vertexAttrib4f(4, 0.42, 0.38, 0.34, 1);  // and without colours
    this.shadows = [0, 1].map(() => this.target());
  }

  buffer(kind, { array, index }) {
    if (!this.buffers.has(index)) {
      const made = this.gl.createBuffer();
      this.gl.bindBuffer(kind, made);
      this.gl.bufferData(kind, array, this.gl.STATIC_DRAW);
      this.buffers.set(index, made);
    }
    this.gl.bindBuffer(kind, this.buffers.get(index));
  }

  uploaded(body) {
    const { gl } = this;
    const vao = gl.createVertexArray();
    gl.bindVertexArray(vao);
    ["POSITION", "NORMAL", "JOINTS_0", "WEIGHTS_0", "COLOR_0"].forEach((name, place) => {
      const data = body.attributes[name];
      if (!data) return;
      this.buffer(gl.ARRAY_BUFFER, data);
      gl.enableVertexAttribArray(place);
      if (name === "JOINTS_0") gl.vertexAttribIPointer(place, data.size, data.type, 0, 0);
      else gl.vertexAttribPointer(place, data.size, data.type, Boolean(data.normalized), 0, 0);
    });
    this.buffer(gl.ELEMENT_ARRAY_BUFFER, body.indices);
    gl.bindVertexArray(null);
    return { vao, targets: this.correctives(body) };
  }

  /** Displacements of all correctives as one texture, 2048 wide. */
  correctives({ targets, attributes }) {
    const { gl } = this;
    const vertices = attributes.POSITION.count;
    const texels = targets.length * vertices;
    const height = Math.max(1, Math.ceil(texels / 2048));
    const data = new Float32Array(4 * 2048 * height);
    targets.forEach(({ array }, k) => {
      for (let i = 0; i < vertices; i++) {
        data.set(array.subarray(3 * i, 3 * i + 3), 4 * (k * vertices + i));
      }
    });
    return texture(gl, 2048, height, gl.RGBA16F, gl.RGBA, gl.FLOAT, gl.NEAREST, data);
  }

  instanced(layout) {
    const { gl } = this;
    const [corners, triangles] = ball();
    const vao = gl.createVertexArray();
    gl.bindVertexArray(vao);
    this.buffer(gl.ARRAY_BUFFER, { array: corners, index: "ball corners" });
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 4, gl.FLOAT, false, 0, 0);
    this.buffer(gl.ELEMENT_ARRAY_BUFFER, { array: triangles, index: "ball triangles" });
    const data = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, data);
    const stride = 4 * layout.reduce((sum, [, width]) => sum + width, 0);
    let offset = 0;
    for (const [place, width] of layout) {
      gl.enableVertexAttribArray(place);
      gl.vertexAttribPointer(place, width, gl.FLOAT, false, stride, offset);
      gl.vertexAttribDivisor(place, 1);
      offset += 4 * width;
    }
    gl.bindVertexArray(null);
    return { vao, data, floats: stride / 4, count: 0, corners: triangles.length };
  }

  target() {
    const { gl } = this;
    const picture = texture(gl, SHADOW, SHADOW, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, gl.LINEAR, null);
    const frame = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, frame);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, picture, 0);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    return { picture, frame };
  }

  /** The bodies as they stand at a moment; `shown[i]` is the dye of body i, or null. */
  pose(moment, shown) {
    const { gl } = this;
    this.places = this.bodies.map(({ bones }, i) => (shown[i]
      ? poseBones(bones, moment, this.rows.subarray(12 * this.widest * i)) : null));
    this.moment = moment;
    this.shown = shown;
    gl.bindTexture(gl.TEXTURE_2D, this.bones);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, 3 * this.widest, Math.max(1, this.bodies.length),
      gl.RGBA, gl.FLOAT, this.rows);
  }

  fill(shape, numbers) {
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, shape.data);
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array(numbers), gl.DYNAMIC_DRAW);
    shape.count = numbers.length / shape.floats;
  }

  use({ made, at }, camera) {
    const { gl } = this;
    gl.useProgram(made);
    gl.uniformMatrix4fv(at.view, false, camera.view);
    gl.uniformMatrix4fv(at.projection, false, camera.projection);
  }

  drawBodies(how, camera) {
    const { gl } = this;
    const { at } = how;
    this.use(how, camera);
    gl.uniform1i(at.bones, 0);
    gl.uniform1i(at.targets, 1);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.bones);
    this.bodies.forEach((body, i) => {
      if (!this.shown[i]) return;
      const { from, to, share } = this.moment;
      const count = Math.min(body.targets.length, MOST_CORRECTIVES);
      const shares = Array.from({ length: MOST_CORRECTIVES }, (_, k) => (k < count
        ? mix(body.weights[from * body.targets.length + k],
          body.weights[to * body.targets.length + k], share) : 0));
      gl.uniform1i(at.row, i);
      gl.uniform1i(at.skinned, body.bones.length ? 1 : 0);
      gl.uniform1i(at.correctives, count);
      gl.uniform1i(at.vertices, body.attributes.POSITION.count);
      gl.uniform1fv(at.shares, shares);
      gl.uniform3fv(at.dye, this.shown[i]);
      gl.activeTexture(gl.TEXTURE1);
      gl.bindTexture(gl.TEXTURE_2D, this.skins[i].targets);
      gl.activeTexture(gl.TEXTURE0);
      gl.bindVertexArray(this.skins[i].vao);
      gl.drawElements(gl.TRIANGLES, body.indices.count, body.indices.type, 0);
    });
  }

  drawShape(how, shape, camera, uniforms) {
    const { gl } = this;
    if (!shape.count) return;
    this.use(how, camera);
    for (const [name, value] of Object.entries(uniforms)) gl.uniform1f(how.at[name], value);
    gl.bindVertexArray(shape.vao);
    gl.drawElementsInstanced(gl.TRIANGLES, shape.corners, gl.UNSIGNED_SHORT, 0, shape.count);
  }

  /** Darkness of the floor below everything shown, within `region` (left, top, width, depth). */
  drawShadows([left, top, width, depth], what) {
    const { gl } = this;
    const [first, second] = this.shadows;
    const camera = {
      view: identity(),
      // Straight down: x to the right, z upwards in the texture; height is not kept.
      projection: Float32Array.of(2 / width, 0, 0, 0, 0, 0, 0, 0, 0, 2 / depth, 0, 0,
        -1 - 2 * left / width, -1 - 2 * top / depth, 0, 1),
    };
    gl.viewport(0, 0, SHADOW, SHADOW);
    gl.disable(gl.DEPTH_TEST);
    gl.bindFramebuffer(gl.FRAMEBUFFER, first.frame);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.enable(gl.BLEND);
    gl.blendEquation(gl.MAX);
    if (what.bodies) this.drawBodies(this.skinDark, camera);
    if (what.limbs) this.drawShape(this.limbDark, this.ball, camera, { wider: what.wider });
    gl.blendEquation(gl.FUNC_ADD);
    gl.disable(gl.BLEND);
    gl.useProgram(this.blur.made);
    gl.bindVertexArray(this.nothing);
    for (const [from, to, x, y] of [[first, second, 1, 0], [second, first, 0, 1]]) {
      const texel = (x ? width : depth) / SHADOW;
      gl.bindFramebuffer(gl.FRAMEBUFFER, to.frame);
      gl.bindTexture(gl.TEXTURE_2D, from.picture);
      gl.uniform2f(this.blur.at.along, x / SHADOW, y / SHADOW);
      gl.uniform2fv(this.blur.at.weights, blurWeights(0.02 / texel, 0.09 / texel));
      gl.drawArrays(gl.TRIANGLES, 0, 3);
    }
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
  }

  drawFloor(camera, { middle, reach, region, theme }) {
    const { gl } = this;
    const { at } = this.floor;
    this.use(this.floor, camera);
    gl.uniform3fv(at.middle, middle);
    gl.uniform3fv(at.eye, eyeOf(camera.view));
    gl.uniform3fv(at.pale, theme.floor.map((c) => c / 255));
    gl.uniform3fv(at.line, theme.grid.map((c) => c / 255));
    gl.uniform1f(at.reach, reach);
    gl.uniform1f(at.ink, theme.shadow);
    gl.uniform4fv(at.region, region);
    gl.enable(gl.BLEND);
    gl.depthMask(false);
    gl.bindTexture(gl.TEXTURE_2D, this.shadows[0].picture);
    gl.bindVertexArray(this.nothing);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    gl.depthMask(true);
    gl.disable(gl.BLEND);
  }

  /** One picture. `what` says what is shown: bodies, limbs, glass (ellipsoids), floor. */
  draw(camera, what) {
    const { gl } = this;
    if (what.floor) this.drawShadows(what.floor.region, what);
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.enable(gl.DEPTH_TEST);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    if (what.bodies) this.drawBodies(this.skin, camera);
    if (what.limbs && !what.inside) this.drawShape(this.limb, this.ball, camera, { wider: 0 });
    if (what.floor) this.drawFloor(camera, what.floor);
    if (what.limbs && what.inside) {  // bones are seen through the skin
      gl.clear(gl.DEPTH_BUFFER_BIT);
      this.drawShape(this.limb, this.ball, camera, { wider: 0 });
    }
    gl.enable(gl.BLEND);
    gl.depthMask(false);
    if (what.glass) {
      gl.enable(gl.CULL_FACE);
      this.drawShape(this.glass, this.lens, camera, { size: HALF, opacity: 0.26 });
      gl.disable(gl.CULL_FACE);
    }
    gl.depthMask(true);
    gl.disable(gl.BLEND);
  }
}
