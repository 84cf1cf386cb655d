"""Hours in the live view: whether memory and open files stay what they were while frames come in.

Somebody who walks is pushed 100 times a second, skeleton and body, while a visitor in another process is
connected through the gate and takes all that comes. `live_memory_growth_percent` is how much resident
memory grew from the first tenth of the frames to the last, `live_descriptors_grown` how many more files
were open at the end, before the visitor left; `live_descriptors_left` how many more than before the view
was opened when it is closed. `live_megabytes_sent` is what the visitor got.

`--live-frames N` (10,000). Without viser there are no figures. Linux only: it reads /proc.
"""

import argparse
import importlib.util
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch
from benches._harness import report
from benches.reliability_runs import PARTS, open_files, resident

from lift3d.body import BodyParams
from lift3d.motion import Motion
from lift3d.pose import Pose3D
from lift3d.skeletons import SMPL_24
from lift3d_body_models import DefaultBody
from lift3d_viewer.live import LiveViewer

CYCLE, RATE = 200, 100.0
VISITOR = """
import sys
import viser
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
place = sys.argv[1]
taken = 0
protocol = "viser-v" + viser.__version__
with connect(f"ws://{place}/", origin=f"http://{place}", subprotocols=[protocol], max_size=None) as way:
    print("here", flush=True)
    try:
        for message in way:
            taken += len(message)
    except ConnectionClosed:
        pass  # the view ended
print(taken, flush=True)
"""


def walker(body: DefaultBody) -> tuple[BodyParams, Pose3D]:
    """Some frames that are gone through again and again: limbs swing, the whole person walks round."""
    phase = torch.linspace(0, 2 * torch.pi, CYCLE + 1)[:-1]
    pose = torch.zeros(CYCLE, 23, 3)
    pose[:, 0, 0], pose[:, 1, 0] = 0.4 * phase.sin(), -0.4 * phase.sin()
    upright = torch.tensor([torch.pi, 0.0, 0.0]).expand(CYCLE, 3).clone()
    place = torch.stack([phase.sin(), torch.full_like(phase, 0.9), 4 + phase.cos()], -1)
    params = BodyParams(torch.zeros(10), pose, upright, place)
    with torch.no_grad():
        return params, Pose3D.certain(body.joints(params), SMPL_24, "camera")


@contextmanager
def visitor(place: str) -> Iterator[subprocess.Popen[str]]:
    """Somebody at the gate who takes everything; ends when the view does."""
    command = [sys.executable, "-c", VISITOR, place]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as there:
        if there.stdout is None or there.stdout.readline().strip() != "here":
            raise SystemExit("the visitor was not let in")
        try:
            yield there
        finally:
            try:
                there.wait(20)
            except subprocess.TimeoutExpired:
                there.kill()


def live(frames: int) -> dict[str, float]:
    body = DefaultBody()
    params, joints = walker(body)
    seen = torch.ones(1, dtype=torch.bool)
    memory, files = list[float](), 0
    before, started = open_files(), time.perf_counter()
    view = LiveViewer(body, port=0)
    with visitor(view.url.split("/")[2]) as there:
        for part in range(PARTS):
            for number in range(part * (frames // PARTS), (part + 1) * (frames // PARTS)):
                at = number % CYCLE
                pose = replace(
                    joints,
                    joints=joints.joints[at : at + 1],
                    covariance=joints.covariance[at : at + 1],
                )
                view.push(Motion(pose, 30.0, 0, seen), params[at : at + 1])
                time.sleep(max(0.0, started + number / RATE - time.perf_counter()))
            memory.append(resident())
            files = files or open_files()
        taken, grown = time.perf_counter() - started, open_files() - files
        here = there.poll() is None
        view.close()
        told = there.communicate(timeout=20)[0].split()
    print("memory (MB):", " ".join(f"{each:.1f}" for each in memory))
    return {
        "live_frames": frames // PARTS * PARTS,
        "live_frames_per_second": frames // PARTS * PARTS / taken,
        "live_visitor_stayed": here,
        "live_megabytes_sent": int(told[-1]) / 1e6 if told else 0.0,
        "live_memory_mb": memory[-1],
        "live_memory_growth_percent": 100 * (memory[-1] / memory[0] - 1),
        "live_descriptors_grown": grown,
        "live_descriptors_left": open_files() - before,
    }


def asked_for() -> dict[str, float]:
    """The figures, as the command line asks for them; none without viser."""
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser()
    parser.add_argument("--live-frames", type=int, default=10_000)
    args, rest = parser.parse_known_args()
    sys.argv[1:] = rest
    if importlib.util.find_spec("viser") is None:
        print("the live view is left out: pip install 'lift3d[live]'")
        return {}
    return live(args.live_frames)


def main() -> None:
    report(asked_for())


if __name__ == "__main__":
    main()
