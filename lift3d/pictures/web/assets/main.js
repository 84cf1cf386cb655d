// The page: buttons, keys and the clock around a player.

const $ = (id) => document.getElementById(id);
const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4];
const VIEWS = [["camera", "1"], ["front", "2"], ["side", "3"], ["top", "4"]];
const SIGNS = { play: "M4 2v12l10-6z", pause: "M3 2h4v12h-4zM9 2h4v12h-4z" };
const HELP = [
  ["space", "play or pause"], ["\u2190 \u2192", "one frame; with Shift ten"],
  ["Home End", "first and last frame"], ["+ \u2212", "faster and slower"],
  ["1 2 3 4", "view of the camera, front, side, top"], ["5", "follow the people"],
  ["m", "body, skeleton, both"], ["u", "how sure each joint is"], ["g", "ground"],
  ["c", "feet that stand"], ["t", "dark or light"], ["f", "full window"],
  ["drag", "turn; with Shift or the right button move"], ["scroll", "nearer and further"],
];

/** Bytes of a part of the page: base64 of a gzip stream. */
async function unpacked(id) {
  const text = $(id).textContent.trim();
  return text ? inflated(text) : null;
}

async function inflated(text) {
  if (typeof DecompressionStream === "undefined") {
    throw new Error("this browser is too old to unpack the page: use one of 2023 or later");
  }
  try {
    const raw = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([raw]).stream().pipeThrough(new DecompressionStream("gzip"));
    return await new Response(stream).arrayBuffer();
  } catch {
    throw new Error("this page is cut short or damaged: write it again");
  }
}

function trouble(error) {
  $("trouble").textContent = `This clip cannot be shown: ${error.message || error}.`;
  $("trouble").hidden = false;
}

function button(parent, label, hint, act) {
  const made = document.createElement("button");
  Object.assign(made, { textContent: label, title: hint, onclick: act });
  $(parent).append(made);
  return made;
}

function pressed(made, on) { made.setAttribute("aria-pressed", on ? "true" : "false"); }

function listPeople(player) {
  const { people } = player.scene;
  if (people.length < 2 || player.scene.turns) return;
  people.forEach((person, i) => {
    const label = document.createElement("label");
    const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: true });
    const dot = document.createElement("i");
    const name = document.createElement("span");
    dot.style.background = `rgb(${person.colors.dark.right})`;
    name.textContent = person.name;
    box.onchange = () => {
      player.visible[i] = box.checked;
      player.set({ path: player.bounds(null) });
    };
    label.append(box, dot, name);
    $("people").append(label);
  });
  $("people").hidden = false;
}

function faster(player, step) {
  const at = SPEEDS.indexOf(player.speed);
  player.set({ speed: SPEEDS[clamp(at + step, 0, SPEEDS.length - 1)] });
}

function fullWindow() {
  const done = document.fullscreenElement ? document.exitFullscreen()
    : $("stage").requestFullscreen && $("stage").requestFullscreen();
  if (done) done.catch(() => {});
}

/** All that can be done, by key; each is also a button, if it has a label. */
function deeds(player) {
  const { scene } = player;
  const toggle = (name) => () => player.set({ [name]: !player[name] });
  const step = (by) => () => {
    player.set({ playing: false });
    player.seek(Math.round(player.time) + by);
  };
  const bodies = player.engine.bodies.length > 0;
  const joints = scene.people.some((person) => person.joints.length);
  const next = () => player.set({ mode: MODES[(MODES.indexOf(player.mode) + 1) % 3] });
  const keys = new Map([
    [" ", toggle("playing")], ["ArrowLeft", step(-1)], ["ArrowRight", step(1)],
    ["+ArrowLeft", step(-10)], ["+ArrowRight", step(10)], ["Home", () => player.seek(0)],
    ["End", () => player.seek(player.frames - 1)], ["+", () => faster(player, 1)],
    ["=", () => faster(player, 1)], ["-", () => faster(player, -1)], ["5", toggle("follow")],
    ["u", toggle("doubts")], ["g", toggle("ground")], ["c", toggle("stands")],
    ["t", toggle("dark")], ["f", fullWindow],
    ["?", () => { $("help").hidden = !$("help").hidden; }],
    ["Escape", () => { $("help").hidden = true; }],
  ]);
  if (bodies && joints) keys.set("m", next);
  const marks = [];
  for (const [view, key] of VIEWS) {
    if (view === "camera" && !scene.camera) continue;
    keys.set(key, () => player.look(view));
    marks.push([button("views", view, `${view} view (${key})`, keys.get(key)),
      () => player.view === view]);
  }
  marks.push([button("views", "follow", "keep people in the middle (5)", keys.get("5")),
    () => player.follow]);
  for (const mode of bodies && joints ? MODES : []) {
    marks.push([button("modes", mode, "what is shown (m)", () => player.set({ mode })),
      () => player.mode === mode]);
  }
  const extras = [
    ["sureness", "u", "doubts", "ellipsoids that hold a joint as likely as not",
      player.tracks.some(({ spread }) => spread)],
    ["feet", "c", "stands", "marks under feet that stand",
      player.tracks.some(({ shown }) => shown.some((bits) => bits & 12))],
    ["ground", "g", "ground", "the floor and its shadows", true],
    ["dark", "t", "dark", "dark or light", true],
  ];
  for (const [label, key, name, hint, there] of extras) {
    if (there) marks.push([button("extras", label, `${hint} (${key})`, keys.get(key)), () => player[name]]);
  }
  button("extras", "full window", "full window (f)", fullWindow);
  button("extras", "?", "keys (?)", keys.get("?"));
  return { keys, marks };
}

/** Writes the state of the player onto the page. */
function told(player, marks) {
  const { scene } = player;
  marks.forEach(([made, on]) => pressed(made, on()));
  const frame = Math.round(player.time);
  const number = scene.firstFrame + frame * scene.stride;
  const last = scene.firstFrame + scene.total - 1;
  const seconds = (frame / scene.fps).toFixed(2);
  $("scrub").value = frame;
  $("counter").textContent = player.frames > 1 ? `${number} / ${last} \u00b7 ${seconds} s` : "one frame";
  $("speed").value = player.speed;
  $("play").setAttribute("aria-label", player.playing ? "pause" : "play");
  $("sign").setAttribute("d", player.playing ? SIGNS.pause : SIGNS.play);
  colored(player);
  edge(player);
}

function colored({ scene, dark }) {
  const theme = dark ? "dark" : "light";
  if ($("stage").dataset.theme === theme) return;
  $("stage").dataset.theme = theme;
  for (const [name, value] of Object.entries(scene.themes[theme])) {
    if (Array.isArray(value)) $("stage").style.setProperty(`--${name}`, value.join(" "));
  }
  $("stage").style.colorScheme = theme;
}

/** A frame around what the camera saw. */
function edge(player) {
  $("edge").hidden = !player.through;
  if (!player.through) return;
  const [width, height] = player.scene.camera.size;
  const [w, h] = [player.canvas.clientWidth, player.canvas.clientHeight];
  const s = Math.min(w / width, h / height);
  Object.assign($("edge").style, {
    left: `${(w - s * width) / 2}px`, top: `${(h - s * height) / 2}px`,
    width: `${s * width}px`, height: `${s * height}px`,
  });
}

function fillPage(scene) {
  for (const note of scene.notes) {
    $("notes").append(Object.assign(document.createElement("li"), { textContent: note }));
  }
  for (const [keys, what] of HELP) {
    const row = $("help").firstElementChild.insertRow();
    row.insertCell().append(Object.assign(document.createElement("kbd"), { textContent: keys }));
    row.insertCell().textContent = what;
  }
  for (const speed of SPEEDS) {
    $("speed").append(new Option(`${speed}\u00d7`, speed));
  }
  $("scrub").max = scene.frames - 1;
  if (scene.frames < 2) $("track").hidden = true;
}

function listen(player, keys, signal) {
  $("play").onclick = keys.get(" ");
  $("scrub").oninput = () => player.set({ playing: false, time: Number($("scrub").value) });
  $("speed").onchange = () => player.set({ speed: Number($("speed").value) });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { tagName } = event.target;
    if (tagName === "SELECT" || (event.key === " " && tagName === "BUTTON")) return;
    const name = event.shiftKey && event.key.startsWith("Arrow") ? `+${event.key}` : event.key;
    const act = keys.get(name.length === 1 ? name.toLowerCase() : name);
    if (!act) return;
    event.preventDefault();
    act();
  }, { signal });
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  player.set({ dark: dark.matches });
  dark.addEventListener("change", () => player.set({ dark: dark.matches }), { signal });
  player.canvas.addEventListener("webglcontextlost", (event) => {
    event.preventDefault();
    player.lost = true;
    trouble("the browser took the graphics card away: load the page again");
  }, { signal });
}

/** A player of people on the page's stage, which draws and listens until `over` is aborted. */
function played(scene, tracks, bodies, over) {
  fillPage(scene);
  const player = new Player($("canvas"), scene, tracks, bodies);
  const { keys, marks } = deeds(player);
  listPeople(player);
  player.changed = () => told(player, marks);
  listen(player, keys, over);
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  player.set({ playing: !still && !scene.turns && scene.frames > 1 });
  let before = performance.now();
  const tick = (now) => {
    if (over.aborted) return;
    player.advance(Math.min((now - before) / 1000, 0.25));
    before = now;
    if (player.fit()) told(player, marks);
    if (player.dirty && !player.lost) player.draw();
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
  return player;
}
