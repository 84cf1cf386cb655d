// Shows the clip that lies in the page.

async function start() {
  const scene = JSON.parse($("scene").textContent);
  const [packed, glb] = await Promise.all([unpacked("tracks"), unpacked("bodies")]);
  const tracks = scene.people.map((person) => readTrack(packed, person));
  if (scene.camera) scene.camera.poses = rowsOf(part(packed, Float32Array, scene.camera.poses), 16);
  return played(scene, tracks, glb ? readBodies(glb) : [], new AbortController().signal);
}

// For whoever drives the page from outside: the player, once it is there.
window.lift3d = start().catch((error) => { trouble(error); throw error; });
