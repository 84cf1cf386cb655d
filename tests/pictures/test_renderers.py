"""Which renderer is taken, and that a broken one is said and not suffered."""

from types import SimpleNamespace

import pytest

from lift3d.errors import MissingDependencyError, PluginError
from lift3d.pictures import open_viewer, renderers


class Plugin:
    """A stand-in for a viewer's class: what it says of itself, and whether it starts."""

    def __init__(self, told="works: well", error=None):
        self.told, self.error, self.probed = told, error, 0

    def probe(self):
        self.probed += 1
        return self.told

    def __call__(self):
        if self.error is not None:
            raise self.error
        return SimpleNamespace(made_by=self, render=print, close=print)


@pytest.fixture
def installed(monkeypatch):
    def install(gpu, **plugins):
        class Group(dict):
            def __missing__(self, name):
                raise PluginError(f"expected a plug-in, got '{name}'")

        monkeypatch.setattr(renderers, "viewers", Group(plugins))
        monkeypatch.setattr(renderers, "_gpu_files", lambda: gpu)
        return plugins

    return install


def test_a_gpu_is_used_where_there_is_one(installed):
    made = installed(True, pyrender=Plugin("works: EGL on NVIDIA"), software=Plugin())
    viewer, told = open_viewer()
    assert viewer.made_by is made["pyrender"]
    assert told == "renderer: pyrender (EGL on NVIDIA)"


def test_without_a_gpu_the_one_that_needs_none_and_no_slow_trial(installed):
    made = installed(False, pyrender=Plugin(), software=Plugin("works: numba"))
    viewer, told = open_viewer()
    assert viewer.made_by is made["software"]
    assert made["pyrender"].probed == 0
    assert told == "renderer: software (numba), since pyrender: no GPU on this machine"


@pytest.mark.parametrize("broken", [
    Plugin("does not work: the driver ended with code -11"),
    Plugin("works: EGL on llvmpipe (LLVM 15)"),
    Plugin("works: EGL on NVIDIA", RuntimeError("no context")),
])  # fmt: skip
def test_a_driver_that_crashes_fails_or_is_no_gpu_is_left_alone(broken, installed):
    made = installed(True, pyrender=broken, software=Plugin())
    viewer, told = open_viewer()
    assert viewer.made_by is made["software"]
    assert told.startswith("renderer: software (well), since pyrender: ")
    assert "\n" not in told


def test_pyrender_on_the_cpu_where_nothing_else_is_installed(installed):
    made = installed(False, pyrender=Plugin("works: EGL on llvmpipe"))
    viewer, told = open_viewer()
    assert viewer.made_by is made["pyrender"]
    assert "since no GPU on this machine; software: expected a plug-in" in told


def test_where_nothing_works_all_reasons_are_given(installed):
    installed(True, pyrender=Plugin("does not work: A"), software=Plugin(error=OSError("B")))
    with pytest.raises(MissingDependencyError, match=r"pyrender: does not work: A; software: B"):
        open_viewer()


def test_a_renderer_that_is_named_must_work(installed):
    installed(
        True, pyrender=Plugin("does not work: A"), plain=Plugin(), odd=Plugin(error=OSError())
    )
    viewer, told = open_viewer("plain")
    assert told == "renderer: plain (well)"
    assert viewer is not None
    with pytest.raises(MissingDependencyError, match="does not work: A"):
        open_viewer("pyrender")
    with pytest.raises(MissingDependencyError, match="to start"):
        open_viewer("odd")
    with pytest.raises(PluginError):
        open_viewer("nothing")
