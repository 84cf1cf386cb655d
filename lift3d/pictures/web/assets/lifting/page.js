// The page: files come in, are lifted, shown and saved. Nothing leaves it.

const facts = JSON.parse($("facts").textContent);
const blank = $("stage").cloneNode(true);
let runtime = null;
let showing = null;
let last = null;
let work = Promise.resolve();

function say(text) { $("state").textContent = text; }

function complain(error) {
  $("refusal").textContent = error ? `${error.message ?? error}`.slice(0, 600) : "";
  $("refusal").hidden = !error;
  if (error) say("");
}

function numberIn(id, low, high, what) {
  const text = $(id).value.trim();
  if (!text) return null;
  const value = Number(text);
  if (!(value >= low && value <= high)) {
    refuse(`${what} from ${low} to ${high}`, text.slice(0, 20), "correct it");
  }
  return value;
}

/** The picture's size as written above the stage, or null. */
function sizeAsked() {
  const [width, height] = ["width", "height"].map((id) =>
    numberIn(id, 1, MOST_SIDE, `the picture's ${id}`));
  if ((width === null) !== (height === null)) {
    refuse("width and height", "one of them", "write both or none");
  }
  return width === null ? null : [Math.round(height), Math.round(width)];
}

/** Files to a clip with raw joints. */
async function lifted(chosen) {
  say("reading");
  const files = await parsed(chosen);
  const found = detectionsIn(files);
  const where = `'${files[0].name}'`;
  const known = sizeAsked() ?? found.size;
  const rows = inPixels(found, known, where);
  const size = known ?? assumedSize(rows, facts.sizes);
  const fps = numberIn("fps", 0.01, 1e6, "frames per second") ?? found.fps ?? 30;
  const angle = numberIn("angle", 1, 170, "degrees of view") ?? facts.angle;
  const focal = Math.max(...size) / 2 / Math.tan(angle * Math.PI / 360);
  const frames = found.last - found.first + 1;
  const people = peopleOf(rows, fps);
  if (people.length * frames > facts.mostFrames) {
    refuse(`at most ${facts.mostFrames} frames times people`, `${people.length * frames}`,
      "split the clip or use 'lift3d lift'");
  }
  const { layout, first } = found;
  const clip = { facts, title: files[0].name, layout, first, frames, fps, size, focal };
  clip.notes = [
    `${found.format}, ${found.layout}: ${people.length === 1 ? "1 person" : `${people.length} people`}`,
    `picture ${size[1]} x ${size[0]}${known ? "" : " (assumed)"}, ${angle.toFixed(1)} degrees of view`
      + `${$("angle").value.trim() ? "" : " (assumed)"}`,
  ];
  say("starting the network");
  runtime ??= makeSession();
  runtime.catch(() => { runtime = null; });
  const centre = [(size[1] - 1) / 2, (size[0] - 1) / 2];
  const camera = { focal, centre, hips: facts.hips, least: facts.minConfidence };
  const raw = await liftPeople(await runtime, people, camera, clip, (share) => {
    say(`lifting ${Math.round(100 * share)} %`);
  });
  return { clip, raw };
}

/** What was lifted, smoothed as chosen and put on a stage. */
function staged({ clip, raw }) {
  const seconds = Number($("smoothing").value);
  const people = raw.map((joints) => steady(joints, facts.joints, clip.fps, seconds));
  return { clip: { ...clip, seconds }, raw, people, ...stageOf(clip, people) };
}

/** Shows what was lifted in place of what was shown before. */
function show(made) {
  const { clip, scene, tracks } = made;
  if (showing) showing.abort();
  if (last) last.player.engine.gl.getExtension("WEBGL_lose_context")?.loseContext();
  showing = new AbortController();
  $("stage").replaceWith(blank.cloneNode(true));
  $("title").textContent = clip.title;
  $("invitation").hidden = true;
  for (const id of ["json", "csv"]) $(id).disabled = false;
  say(`${clip.frames} frames lifted here`);
  const player = played(scene, tracks, [], showing.signal);
  const write = player.changed;
  player.changed = () => {
    write();
    for (const id of ["bar", "refusal"]) $(id).style.cssText = $("stage").style.cssText;  // one theme
  };
  player.set({});
  last = { ...made, player };
}

/** The same people smoothed in another way, at the same moment and from the same side. */
function smoothAgain() {
  if (!last) return;
  const { player } = last;
  last = { ...staged(last), player };
  player.scene.camera = last.scene.camera;
  Object.assign(player, { tracks: last.tracks, poses: last.scene.camera.poses });
  player.set({ path: player.bounds(null) });
}

/** One after the other; what was shown stays where files are refused. */
function take(chosen) {
  work = work.then(async () => {
    complain(null);
    try {
      show(staged(await lifted(chosen)));
    } catch (error) {
      complain(error);
    }
  });
  return work;
}

/** Files of what was dropped; of a folder those that lie right in it. */
async function dropped(transfer) {
  const plain = [...transfer.files];
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const folders = entries.filter((entry) => entry.isDirectory);
  if (!folders.length) return plain;
  const asked = (entry, method) => new Promise((go, stop) => { entry[method](go, stop); });
  const found = [];
  for (const folder of folders) {
    const reader = folder.createReader();
    for (let some; !some || some.length;) {
      some = await asked(reader, "readEntries");
      const inside = some.filter((each) => each.isFile).map((each) => asked(each, "file"));
      found.push(...await Promise.all(inside));
    }
  }
  return found;
}

function listenForFiles() {
  for (const id of ["files", "folder"]) {
    $(id).onchange = () => {
      take([...$(id).files]);
      $(id).value = "";
    };
    $(`${id}-button`).onclick = () => $(id).click();
  }
  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      document.body.classList.toggle("over", kind === "dragover");
      if (kind === "drop") dropped(event.dataTransfer).then(take, complain);
    });
  }
  $("smoothing").onchange = smoothAgain;
  const name = () => last.clip.title.replace(/\.json$/i, "");
  $("json").onclick = () => savedAs(`${name()}_joints.json`, "application/json", asJson(last));
  $("csv").onclick = () => savedAs(`${name()}_joints.csv`, "text/csv", asCsv(last));
  $("bar").addEventListener("keydown", (event) => event.stopPropagation());
}

listenForFiles();
say("nothing is sent anywhere");
// For whoever drives the page from outside.
window.lift3d = {
  take, done: () => work.then(() => last), asJson: () => asJson(last), asCsv: () => asCsv(last),
};
