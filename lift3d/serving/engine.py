"""What a worker does: jobs to answers, those together that can be. No HTTP and no processes here."""

import time
import traceback
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from lift3d.errors import InputError, Lift3dError, MissingDependencyError
from lift3d.io.keypoints.reading import KeypointFile, ReadReport
from lift3d.pipeline import LiftOptions, Prepared, lift, make_body, prepare
from lift3d.protocols import BodyModel
from lift3d.serving.answers import MEDIA, clip_file, clip_json, joints_json
from lift3d.serving.joints import JointLifters, Lifted, common_key, lift_together
from lift3d.serving.reading import Bounds, Request, read_request
from lift3d.serving.refused import RefusedError, refusal
from lift3d.serving.values import Answer, Job, Wanted

__all__ = ["Engine", "warm_job"]

_BROKEN: Final = (
    "expected an answer, got an error of our own, which is in the server's log: please report it"
)

_KEPT: Final = 4


@dataclass(slots=True)
class Engine:
    """Reads, lifts and writes. `folder` takes uploads while they are read."""

    folder: Path
    bounds: Bounds = field(default_factory=Bounds)
    lifters: JointLifters = field(default_factory=JointLifters)
    models: dict[str, BodyModel] = field(default_factory=dict[str, BodyModel])
    prepared: dict[LiftOptions, Prepared] = field(default_factory=dict[LiftOptions, Prepared])

    def answers(self, jobs: Sequence[Job]) -> list[Answer]:
        """An answer for each job, whatever is in it."""
        out: dict[int, Answer] = {}
        together: dict[object, list[tuple[int, Request]]] = defaultdict(list)
        for index, job in enumerate(jobs):
            try:
                request = read_request(job, self.bounds, self.folder)
                if _joints_only(request):
                    together[common_key(request)].append((index, request))
                else:
                    out[index] = self._clip(request)
            except Exception as error:  # a stranger's file shall not end the service
                out[index] = _why_not(error)
        for group in together.values():
            out.update(zip((i for i, _ in group), self._joints([r for _, r in group]), strict=True))
        return [out[index] for index in range(len(jobs))]

    def _joints(self, requests: Sequence[Request]) -> list[Answer]:
        started = time.perf_counter()
        try:
            found = lift_together(requests, self.lifters[requests[0].wanted.lifter])
        except Exception as error:
            if len(requests) == 1:
                return [_why_not(error)]
            return [self._joints([request])[0] for request in requests]  # one spoils only itself
        seconds = (time.perf_counter() - started) / len(requests)
        return [_told(r, lifted, seconds) for r, lifted in zip(requests, found, strict=True)]

    def _clip(self, request: Request) -> Answer:
        """The whole journey of one request, and its clip as a file or as JSON."""
        started = time.perf_counter()
        wanted = request.wanted
        ready = self._ready(_options(wanted))
        clip = lift(_as_file(request), camera=request.camera, options=ready.options, prepared=ready)
        model = self._model(wanted.body_model) if wanted.body_model else None
        content = (
            clip_json(clip)
            if wanted.output == "json"
            else clip_file(clip, model, wanted.output, wanted.person, self.folder)
        )
        frames = len(clip) * len(clip.people)
        return Answer(200, MEDIA[wanted.output], content, frames, time.perf_counter() - started)

    def _ready(self, options: LiftOptions) -> Prepared:
        """What was loaded for the last few ways to lift stays loaded."""
        found = self.prepared.pop(options, None) or prepare(options)
        self.prepared[options] = found
        if len(self.prepared) > _KEPT:
            del self.prepared[next(iter(self.prepared))]
        return found

    def _model(self, name: str) -> BodyModel:
        if name not in self.models:
            self.models[name] = make_body(name)
        return self.models[name]


def _joints_only(request: Request) -> bool:
    wanted, camera = request.wanted, request.camera
    plain = camera is None or not bool(camera.distortion.any())
    return wanted.output == "json" and not wanted.body_model and plain


def _told(request: Request, lifted: Lifted | InputError, seconds: float) -> Answer:
    if isinstance(lifted, InputError):
        return _why_not(lifted)
    try:
        return Answer(200, MEDIA["json"], joints_json(lifted), request.frames, seconds)
    except Exception as error:
        return _why_not(error)


def _why_not(error: Exception) -> Answer:
    """422 for what is wrong with a request, 501 for what is not installed, 500 for our own mistakes."""
    if isinstance(error, RefusedError):
        return refusal(error.status, str(error))
    if isinstance(error, MissingDependencyError):
        return refusal(501, str(error))
    if isinstance(error, Lift3dError):
        return refusal(422, str(error))
    traceback.print_exception(error)
    return refusal(500, _BROKEN)


def _options(wanted: Wanted) -> LiftOptions:
    return LiftOptions(
        lifter=wanted.lifter,
        body_model=wanted.body_model,
        smooth_seconds=wanted.smooth_seconds,
        max_people=wanted.max_people,
    )


def _as_file(request: Request) -> KeypointFile:
    """People as the pipeline takes them; it does not look at the report."""
    first = request.people[0]
    report = ReadReport(
        format="a request",
        format_reason="the service read it",
        skeleton=first.pose.skeleton.name,
        skeleton_reason="the service read it",
        people=len(request.people),
        frames=len(first),
        first_frame=first.first_frame,
        pixel_space="pixels",
        image_size=first.pose.image_size or (1, 1),
        image_size_from="caller",
        fps=first.fps,
        fps_from="caller",
        notes=(),
    )
    return KeypointFile(request.people, report)


def warm_job() -> Job:
    """Somebody made up, whom a worker lifts before it says that it is ready."""
    told = {
        "skeleton": "coco_17",
        "image_size": (1080, 1920),
        "keypoints": [[[500.0 + 40 * (j % 4), 300.0 + 60 * j, 1.0] for j in range(17)]] * 4,
    }
    return Job(msgspec.json.encode(told), "plain", Wanted())
