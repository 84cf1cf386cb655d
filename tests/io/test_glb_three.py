"""A written GLB in three.js in headless Chromium: joints and skin at ten frames.

Needs `chromium` on the path and LIFT3D_THREE, the folder of the npm package `three`.
"""

import json
import os
import re
import shutil
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch

from lift3d.body import BodyParams
from lift3d.io.scenes.glb import write_glb
from lift3d_body_models import DefaultBody

FRAMES, FPS = 12, 25.0
SHOWN = tuple(range(10))
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--virtual-time-budget=60000", "--dump-dom",
)  # fmt: skip
PAGE = """<!doctype html><body>waiting
<script type="importmap">{"imports": {"three": "/three/build/three.module.js",
"three/addons/": "/three/examples/jsm/"}}</script>
<script type="module">
import * as THREE from "three";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
try {
  const gltf = await new GLTFLoader().loadAsync("/clip.glb");
  const mixer = new THREE.AnimationMixer(gltf.scene);
  mixer.clipAction(gltf.animations[0]).play();
  const meshes = [];
  gltf.scene.traverse((node) => { if (node.isSkinnedMesh) meshes.push(node); });
  const frames = SHOWN.map((frame) => {
    mixer.setTime(frame / FPS);
    gltf.scene.updateMatrixWorld(true);
    return meshes.map((mesh) => {
      const place = new THREE.Vector3();
      const skin = [];
      for (let i = 0; i < mesh.geometry.attributes.position.count; i += 97) {
        mesh.getVertexPosition(i, place);
        skin.push(mesh.localToWorld(place).toArray());
      }
      return {
        names: mesh.skeleton.bones.map((bone) => bone.name),
        joints: mesh.skeleton.bones.map((bone) => bone.getWorldPosition(place).toArray()),
        skin: skin,
      };
    });
  });
  document.body.textContent = "RESULT" + JSON.stringify(frames) + "END";
} catch (error) { document.body.textContent = "FAILED" + error + "END"; }
</script></body>"""


class Handler(SimpleHTTPRequestHandler):
    """Files of a folder; /three/ is the package."""

    def __init__(self, *args, three, **kwargs):
        self.three = three
        super().__init__(*args, **kwargs)

    def translate_path(self, path):
        if path.startswith("/three/"):
            return str(self.three / path.removeprefix("/three/"))
        return super().translate_path(path)

    def log_message(self, *_):
        pass


@pytest.fixture
def chromium():
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("Chromium is absent: install Debian's package chromium")
    return found


@pytest.fixture
def three():
    folder = Path(os.environ.get("LIFT3D_THREE", "nowhere"))
    if not (folder / "build/three.module.js").is_file():
        pytest.skip("three.js is absent: npm install three, and set LIFT3D_THREE to its folder")
    return folder


@pytest.fixture
def people():
    draw = torch.Generator().manual_seed(3)
    out = []
    for aside in (0.0, 1.2):
        swing = torch.linspace(0, 1.5, FRAMES)[:, None, None]
        pose = torch.randn(1, 23, 3, generator=draw) * 0.35 * swing
        orient = torch.tensor([torch.pi, 0.0, 0.0]) + 0.3 * swing[:, 0]
        transl = torch.tensor([aside, 0.1, 4.0]) + 0.1 * swing[:, 0]
        betas = torch.randn(1, 10, generator=draw)
        out.append(BodyParams(betas, pose, orient, transl))
    return out


def dumped(chromium, three, folder):
    """What the page says, and nothing else."""
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Handler, directory=str(folder), three=three)
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/page.html"
        profile = f"--user-data-dir={folder / 'profile'}"
        shown = subprocess.run(
            [chromium, *FLAGS, profile, url],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    found = re.search(r"RESULT(.*)END", shown.stdout, re.DOTALL)
    assert found, shown.stdout[-500:] + shown.stderr[-500:]
    return json.loads(found[1])


@pytest.mark.timeout(180)
def test_joints_and_skin_in_a_browser(tmp_path, chromium, three, people):
    body = DefaultBody()
    write_glb(tmp_path / "clip.glb", body, people, FPS, ["a", "b"], on_floor=False, correctives=8)
    page = PAGE.replace("SHOWN", str(list(SHOWN))).replace("FPS", str(FPS))
    (tmp_path / "page.html").write_text(page)
    turn = np.diag([1.0, -1.0, -1.0])
    meshes = [body(params) for params in people]
    frames = dumped(chromium, three, tmp_path)
    assert len(frames) == 10
    for frame, shown in zip(SHOWN, frames, strict=True):
        for who, mesh, seen in zip("ab", meshes, shown, strict=True):
            assert seen["names"] == [f"{who}_{joint}" for joint in body.skeleton.joints]
            wanted = mesh.joints[frame].numpy() @ turn
            np.testing.assert_allclose(np.array(seen["joints"]), wanted, atol=1e-4)
            # Vertices of the file are those of the body, some of them twice: the nearest is it.
            surface = mesh.vertices[frame].numpy() @ turn
            gaps = np.array(seen["skin"])[:, None] - surface
            assert np.linalg.norm(gaps, axis=-1).min(1).max() < 2e-3
