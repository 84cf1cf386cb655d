"""Plug-ins are found through entry points of made-up distributions on the path."""

from pathlib import Path

import pytest

from lift3d.errors import PluginError
from lift3d.plugins import PluginGroup

GROUP = "lift3d_test.lifters"


def install(folder: Path, distribution: str, entries: str, code: str = "") -> None:
    """A distribution as pip would leave it: a module and its .dist-info."""
    module = distribution.replace("-", "_")
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{entries}\n")
    (folder / f"{module}.py").write_text(code)


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PluginGroup[object]:
    install(
        tmp_path,
        "lift3d-plugtest-good",
        "temporal = lift3d_plugtest_good:make\nother = lift3d_plugtest_good:make",
        "def make(size=1):\n    return {'size': size}\n",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return PluginGroup(GROUP)


def test_plugins_are_a_read_only_mapping(group: PluginGroup[object]) -> None:
    assert list(group) == ["other", "temporal"]
    assert len(group) == 2
    assert "temporal" in group
    assert "spatial" not in group
    assert 3 not in group
    assert group["temporal"](size=4) == {"size": 4}
    assert repr(group) == f"<{GROUP}: other, temporal>"
    assert not hasattr(group, "__setitem__")


def test_an_unknown_name_gets_the_known_ones_and_the_nearest(group: PluginGroup[object]) -> None:
    with pytest.raises(PluginError, match="did you mean 'temporal'") as caught:
        group["temporall"]
    assert "(other, temporal)" in str(caught.value)
    assert GROUP in str(caught.value)
    with pytest.raises(PluginError, match="install the package that brings it"):
        group["qqqqqq"]
    assert group.get("temporal") is not None


def test_a_group_without_plugins_says_so() -> None:
    empty: PluginGroup[object] = PluginGroup("lift3d_test.nothing")
    assert list(empty) == []
    assert "none" in repr(empty)
    with pytest.raises(PluginError, match=r"\(none\)"):
        empty["x"]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise RuntimeError('no GPU here')", r"RuntimeError \(no GPU here\)"),
        ("import lift3d_plugtest_absent", "ModuleNotFoundError"),
        ("def another(): ...", "AttributeError"),
        ("def make(:", "SyntaxError"),
    ],
)
def test_a_broken_plugin_spoils_nothing_but_itself(
    group: PluginGroup[object], tmp_path: Path, code: str, reason: str
) -> None:
    name = f"lift3d-plugtest-broken{abs(hash(code))}"
    install(tmp_path, name, f"broken = {name.replace('-', '_')}:make", code)
    assert list(group) == ["broken", "other", "temporal"]
    assert group["temporal"]() == {"size": 1}
    with pytest.raises(PluginError, match=reason) as caught:
        group["broken"]
    assert f"repair or uninstall {name}" in str(caught.value)


def test_two_distributions_with_one_name_are_refused_by_their_names(
    group: PluginGroup[object], tmp_path: Path
) -> None:
    install(tmp_path, "lift3d-plugtest-rival", "temporal = lift3d_plugtest_good:make")
    for act in (lambda: list(group), lambda: group["temporal"], lambda: group["other"]):
        with pytest.raises(PluginError, match="expected one plug-in 'temporal'") as caught:
            act()
        assert "lift3d-plugtest-good" in str(caught.value)
        assert "lift3d-plugtest-rival" in str(caught.value)


def test_listing_runs_no_code_of_a_plugin(group: PluginGroup[object], tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    install(
        tmp_path,
        "lift3d-plugtest-loud",
        "loud = lift3d_plugtest_loud:make",
        f"open({str(mark)!r}, 'w').close()\ndef make(): ...\n",
    )
    assert "loud" in group
    assert "loud" in repr(group)
    assert not mark.exists()
    group["loud"]
    assert mark.exists()
