// The clip, its moment and its view: everything but buttons.

const MODES = ["body", "skeleton", "both"];
const CHEST = [0, 1, 0];

class Player {
  constructor(canvas, scene, tracks, bodies) {
    this.canvas = canvas;
    this.scene = scene;
    this.tracks = tracks;
    this.engine = new Engine(canvas, bodies);
    this.orbit = new Orbit(canvas, () => this.leaveCamera());
    this.poses = scene.camera ? scene.camera.poses : null;
    this.visible = scene.people.map(() => true);
    this.path = this.bounds(null);
    Object.assign(this, {
      time: 0, playing: false, speed: 1, view: "", through: false, follow: false, dirty: true,
      mode: bodies.length ? "body" : "skeleton", doubts: !bodies.length, ground: true, stands: true,
      dark: true, changed: () => {},
    });
    this.look(this.poses ? "camera" : "front");
  }

  get frames() { return this.scene.frames; }

  get moment() { return momentAt(this.time, this.frames); }

  set(values) {
    Object.assign(this, values);
    this.dirty = true;
    this.changed();
  }

  seek(frame) { this.set({ time: clamp(frame, 0, this.frames - 1) }); }

  /** Goes on by so many seconds of the clock; the clip starts again after its last frame. */
  advance(seconds) {
    if (!this.playing || this.frames < 2) return;
    const next = this.time + seconds * this.scene.fps * this.speed;
    this.set({ time: next > this.frames - 1 ? 0 : next });
  }

  /** All joints of a moment, or of the whole clip where it is null, and of bodies without joints. */
  bounds(moment) {
    const joints = this.tracks.map((track, i) => {
      if (!this.visible[i]) return [];
      return moment ? jointsAt(track, moment) || [] : track.joints;
    });
    return boundsOf(joints);
  }

  /** The way the first visible person faces, as an angle about y; 0 where hips are unknown. */
  facing() {
    for (const [i, { hips }] of this.scene.people.entries()) {
      const joints = this.visible[i] && hips.length === 2 && jointsAt(this.tracks[i], this.moment);
      const ends = joints ? hips.map((hip) => middleOf(joints, [hip])) : [null];
      if (ends.every(Boolean)) {
        const ahead = cross(sub(ends[0], ends[1]), CHEST);  // the person's left times up
        if (Math.hypot(ahead[0], ahead[2]) > 0.01) return Math.atan2(ahead[0], ahead[2]);
      }
    }
    return 0;
  }

  look(view) {
    if (view === "camera" && !this.poses) return;
    const box = (this.follow && this.bounds(this.moment)) || this.path
      || { low: [-1, 0, -1], high: [1, 2, 1] };
    const grown = { low: sub(box.low, [0.15, 0.1, 0.15]), high: add(box.high, [0.15, 0.15, 0.15]) };
    if (view === "front") this.orbit.frame(grown, this.facing(), 0.12);
    if (view === "side") this.orbit.frame(grown, this.facing() + Math.PI / 2, 0.12);
    if (view === "top") this.orbit.frame(grown, this.facing(), 1.5);
    this.set({ view, through: view === "camera" });
  }

  leaveCamera() {
    if (this.through) {
      const view = this.cameraView();
      const box = this.bounds(this.moment) || this.path;
      const way = box ? -transformed(view, scale(add(box.low, box.high), 0.5))[2] : 3;
      this.orbit.startFrom(view, Math.max(way, 0.5));
    }
    this.set({ through: false, view: "" });
  }

  /** The keypoints' camera at this moment, with OpenGL's axes. */
  cameraView() {
    const at = this.poses.length > 1 ? this.moment.from : 0;
    const m = this.poses[at];
    const out = identity();
    for (let row = 0; row < 3; row++) {
      for (let k = 0; k < 4; k++) out[4 * k + row] = (row ? -1 : 1) * m[4 * row + k];
    }
    return out;
  }

  camera() {
    const { width, height } = this.canvas;
    if (!this.through) return this.orbit.camera(width, height);
    const { intrinsics, size } = this.scene.camera;
    const view = this.cameraView();
    const box = this.path || { low: [-1, 0, -1], high: [1, 2, 1] };
    const way = length(sub(eyeOf(view), scale(add(box.low, box.high), 0.5)));
    const far = 4 * (way + length(sub(box.high, box.low))) + 20;
    return {
      view,
      projection: pinhole(fitted(intrinsics, size, width, height), width, height, 0.05, far),
    };
  }

  /** What is drawn of this moment. */
  shown() {
    const { scene, moment, mode } = this;
    const theme = this.dark ? "dark" : "light";
    const bodies = this.engine.bodies.map(() => null);
    const out = { limbs: [], glass: [], points: [] };
    scene.people.forEach((person, i) => {
      const track = this.tracks[i];
      if (!this.visible[i]) return;
      const joints = jointsAt(track, moment);
      const body = person.body !== null && track.shown[moment.from] & BODY;
      if (body && mode !== "skeleton") bodies[person.body] = person.dye;
      if (!joints) return;
      out.points.push(joints);
      const colors = person.colors[theme];
      if (mode !== "body" || person.body === null) {
        out.limbs.push(...limbsOf(person, joints, colors, body && mode === "both"));
      }
      if (this.doubts) out.glass.push(...doubtsOf(person, track, moment, joints, colors));
      if (this.stands) out.glass.push(...standsOf(person, track, moment, joints, colors));
    });
    return { ...out, bodies, theme: scene.themes[theme] };
  }

  floorFor({ points, theme }) {
    const box = boundsOf(points) || { low: [0, 0, 0], high: [0, 0, 0] };
    const path = this.path || box;
    const middle = scale(add(path.low, path.high), 0.5);
    const reach = Math.hypot(path.high[0] - path.low[0], path.high[2] - path.low[2]) / 2 + 1.8;
    const region = [box.low[0] - 0.5, box.low[2] - 0.5,
      box.high[0] - box.low[0] + 1, box.high[2] - box.low[2] + 1];
    return { middle, reach, region, theme };
  }

  draw() {
    this.dirty = false;
    const { engine, mode } = this;
    const shown = this.shown();
    const box = boundsOf(shown.points);
    if (this.follow && !this.through && box) {
      const middle = scale(add(box.low, box.high), 0.5);
      this.orbit.target = [middle[0], mix(this.orbit.target[1], middle[1], 0.1), middle[2]];
    }
    engine.pose(this.moment, shown.bodies);
    engine.fill(engine.ball, shown.limbs);
    engine.fill(engine.lens, shown.glass);
    const camera = this.camera();
    const alone = !shown.bodies.some(Boolean);
    engine.draw(camera, {
      bodies: !alone, limbs: shown.limbs.length > 0, glass: shown.glass.length > 0,
      wider: alone ? 0.035 : 0,
      inside: mode === "both", floor: this.ground ? this.floorFor(shown) : null,
    });
    if (!this.through && this.poses) {
      engine.fill(engine.ball,
        pyramid(this.cameraView(), this.scene.camera, shown.theme.faint));
      engine.gl.enable(engine.gl.DEPTH_TEST);
      engine.drawShape(engine.limb, engine.ball, camera, { wider: 0 });
    }
  }

  /** As large as it is shown; true where that changed. */
  fit() {
    const fine = Math.min(window.devicePixelRatio || 1, 2);
    const [width, height] = ["clientWidth", "clientHeight"].map((side) =>
      Math.max(1, Math.round(this.canvas[side] * fine)));
    if (width === this.canvas.width && height === this.canvas.height) return false;
    Object.assign(this.canvas, { width, height });
    this.dirty = true;
    return true;
  }

  /** Where a place of the world is drawn, in pixels of the canvas (whole numbers: their centres). */
  project(place) {
    const { view, projection } = this.camera();
    const p = transformed(multiplied(projection, view), place);
    return [
      (p[0] / p[3] + 1) / 2 * this.canvas.width - 0.5,
      (1 - p[1] / p[3]) / 2 * this.canvas.height - 0.5,
    ];
  }
}
