// Looking around: an eye that walks around a place, moved by mouse, touch and keys.

const ANGLE = 0.6;  // field of view along the shorter side, radians

class Orbit {
  constructor(element, changed) {
    Object.assign(this, { target: [0, 1, 0], distance: 4, yaw: 0.4, tilt: 0.15 });
    this.changed = changed;
    this.fingers = new Map();
    element.addEventListener("pointerdown", (event) => this.touched(element, event));
    element.addEventListener("pointermove", (event) => this.moved(element, event));
    for (const over of ["pointerup", "pointercancel"]) {
      element.addEventListener(over, (event) => this.fingers.delete(event.pointerId));
    }
    element.addEventListener("contextmenu", (event) => event.preventDefault());
    element.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(clamp(event.deltaY, -120, 120) * 0.0018));
    }, { passive: false });
  }

  touched(element, event) {
    element.setPointerCapture(event.pointerId);
    element.focus({ preventScroll: true });
    this.fingers.set(event.pointerId, [event.clientX, event.clientY]);
  }

  moved(element, event) {
    const before = this.fingers.get(event.pointerId);
    if (!before) return;
    const here = [event.clientX, event.clientY];
    const [dx, dy] = [here[0] - before[0], here[1] - before[1]];
    const other = [...this.fingers].find(([id]) => id !== event.pointerId);
    this.fingers.set(event.pointerId, here);
    const height = element.clientHeight;
    if (other) {
      const apart = (p) => Math.max(Math.hypot(p[0] - other[1][0], p[1] - other[1][1]), 8);
      this.pan(dx / 2, dy / 2, height);
      this.zoom(apart(before) / apart(here));
    } else if (event.buttons & 6 || event.shiftKey || event.ctrlKey) {
      this.pan(dx, dy, height);
    } else {
      this.turn(-dx * 0.008, dy * 0.008);
    }
  }

  turn(yaw, tilt) {
    this.changed();
    this.yaw += yaw;
    this.tilt = clamp(this.tilt + tilt, -1.5, 1.5);
  }

  zoom(factor) {
    this.changed();
    this.distance = clamp(this.distance * factor, 0.2, 500);
  }

  pan(dx, dy, height) {
    this.changed();
    const size = 2 * Math.tan(ANGLE / 2) * this.distance / height;
    const right = [Math.cos(this.yaw), 0, -Math.sin(this.yaw)];
    const up = cross(this.backwards(), right);
    this.target = add(this.target, add(scale(right, -dx * size), scale(up, dy * size)));
  }

  /** From the target to the eye. */
  backwards() {
    const level = Math.cos(this.tilt);
    return [Math.sin(this.yaw) * level, Math.sin(this.tilt), Math.cos(this.yaw) * level];
  }

  camera(width, height) {
    const eye = add(this.target, scale(this.backwards(), this.distance));
    const near = Math.max(0.02, this.distance / 100);
    return {
      view: lookAt(eye, this.target, [0, 1, 0]),
      projection: perspective(ANGLE, width, height, near, this.distance * 20 + 50),
    };
  }

  /** Look from where a rigid view looks from, upright, at what is `distance` before it. */
  startFrom(view, distance) {
    const back = [view[2], view[6], view[10]];
    this.yaw = Math.atan2(back[0], back[2]);
    this.tilt = clamp(Math.asin(clamp(back[1], -1, 1)), -1.5, 1.5);
    this.distance = distance;
    this.target = sub(eyeOf(view), scale(this.backwards(), distance));
  }

  /** Show a box from a side, whole. */
  frame({ low, high }, yaw, tilt) {
    this.target = scale(add(low, high), 0.5);
    this.distance = Math.max(0.55 * length(sub(high, low)) / Math.sin(ANGLE / 2), 0.8);
    if (yaw !== undefined) [this.yaw, this.tilt] = [yaw, tilt];
  }
}
