"""Pickles that would run code are refused, by name, and nothing runs; plain data comes out whole."""

import collections
import io
import itertools
import pickle
import struct
import sys
import types
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import torch

from lift3d.errors import FileFormatError
from lift3d.io.files.safe_pickle import loads_pickle, read_object_npz, read_pickle
from lift3d.io.files.safe_torch import read_torch_tensors

PROTOCOLS = range(6)


class Calls:
    """Pickles as a call of anything with anything."""

    def __init__(self, what: Any, *args: Any, state: Any = None) -> None:
        self.reduced = (what, args) if state is None else (what, args, state)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.reduced


def opcodes(module: str, name: str, *args: str) -> bytes:
    """Protocol 0 by hand: call module.name with some texts."""
    texts = b"".join(b"V" + arg.encode() + b"\n" for arg in args)
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n(" + texts + b"tR."


def stack_global(module: str, name: str) -> bytes:
    """Protocol 4 by hand: the names come from the stack."""
    words = b"".join(b"\x8c" + bytes([len(w)]) + w.encode() for w in (module, name))
    return b"\x80\x04" + words + b"\x93"


TOUCH = "import pathlib; pathlib.Path('{canary}').touch()"
NUMPY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
OBJECT_TYPE = b"cnumpy\ndtype\n(S'O8'\nI0\nI1\ntR(I3\nS'|'\nNNNI-1\nI-1\nI63\ntb"
CHUMPY = b"ccopy_reg\n_reconstructor\n(cchumpy.ch\nCh\nc__builtin__\nobject\nNtR"

# What is attempted, the bytes, and the name that the message must give.
ATTACKS: dict[str, tuple[bytes, str]] = {
    "os.system": (opcodes("os", "system", "touch {canary}"), "os.system"),
    "posix.system": (opcodes("posix", "system", "touch {canary}"), "posix.system"),
    "nt.system": (opcodes("nt", "system", "touch {canary}"), "nt.system"),
    "os.popen": (opcodes("os", "popen", "touch {canary}"), "os.popen"),
    "subprocess.call": (opcodes("subprocess", "call", "touch"), "subprocess.call"),
    "subprocess.Popen": (opcodes("subprocess", "Popen", "touch"), "subprocess.Popen"),
    "eval": (opcodes("builtins", "eval", "open('{canary}','w')"), "builtins.eval"),
    "eval of Python 2": (
        opcodes("__builtin__", "eval", "open('{canary}','w')"),
        "__builtin__.eval",
    ),
    "exec": (opcodes("builtins", "exec", TOUCH), "builtins.exec"),
    "compile": (opcodes("builtins", "compile", TOUCH, "x", "exec"), "builtins.compile"),
    "open": (opcodes("builtins", "open", "{canary}", "w"), "builtins.open"),
    "io.open": (opcodes("io", "open", "{canary}", "w"), "io.open"),
    "getattr": (opcodes("builtins", "getattr", "x", "upper"), "builtins.getattr"),
    "__import__": (opcodes("builtins", "__import__", "antigravity"), "builtins.__import__"),
    "importlib": (opcodes("importlib", "import_module", "antigravity"), "importlib.import_module"),
    "runpy": (opcodes("runpy", "run_path", "{canary}"), "runpy.run_path"),
    "attrgetter": (opcodes("operator", "attrgetter", "__class__"), "operator.attrgetter"),
    "methodcaller": (opcodes("operator", "methodcaller", "x"), "operator.methodcaller"),
    "pathlib": (opcodes("pathlib", "Path", "{canary}"), "pathlib.Path"),
    "ctypes": (opcodes("ctypes", "CDLL", "libc.so.6"), "ctypes.CDLL"),
    "socket": (opcodes("socket", "create_connection", "x"), "socket.create_connection"),
    "nested pickle": (opcodes("pickle", "loads", "cos\n"), "pickle.loads"),
    "nested NumPy file": (opcodes("numpy", "load", "{canary}"), "numpy.load"),
    "NumPy's test runner": (
        opcodes("numpy.testing._private.utils", "runstring", TOUCH, ""),
        "runstring",
    ),
    "torch's nested loader": (
        opcodes("torch.storage", "_load_from_bytes", "x"),
        "torch.storage._load_from_bytes",
    ),
    "a type made on the fly": (opcodes("builtins", "type", "x"), "builtins.type"),
    "a global from the stack": (
        stack_global("posix", "system") + b"\x8c\x01x\x85R.",
        "posix.system",
    ),
    "a dotted name": (stack_global("builtins", "object.__class__") + b".", "object.__class__"),
    "a dotted way to an allowed name": (
        stack_global("numpy", "core.multiarray._reconstruct") + b".",
        "numpy.core.multiarray._reconstruct",
    ),
    "a name with a newline": (stack_global("os\n", "system") + b".", r"os\\n.system"),
    "INST": (b"(S'touch {canary}'\nios\nsystem\n.", "os.system"),
    "OBJ": (b"(cos\nsystem\nS'touch {canary}'\no.", "os.system"),
    "NEWOBJ": (b"\x80\x02csubprocess\nPopen\nU\x05touch\x85\x81.", "subprocess.Popen"),
    "an unused global": (b"cos\nsystem\n0N.", "os.system"),
    "hidden by the memo": (b"cos\nsystem\np0\n0g0\n(S'touch {canary}'\ntR.", "os.system"),
    "inside an object array": (
        NUMPY + b"(I1\n(I1\nt" + OBJECT_TYPE + b"I0\n(lp9\ncos\nsystem\n(S'x'\ntRatb.",
        "os.system",
    ),
    "inside chumpy's state": (CHUMPY + b"(dS'x'\ncos\nsystem\n(S'x'\ntRsb.", "os.system"),
    "chumpy beyond its list": (
        b"cchumpy.optimization\nminimize\n(tR.",
        "chumpy.optimization.minimize",
    ),
    "_reconstructor of anything": (
        b"ccopy_reg\n_reconstructor\n(csubprocess\nPopen\nc__builtin__\nobject\nNtR.",
        "subprocess.Popen",
    ),
}

# Tricks with the machine itself; the message must say this much.
TRICKS: dict[str, tuple[bytes, str]] = {
    "an extension code": (b"\x80\x02\x82\x01.", "extension code"),
    "a persistent id": (b"\x80\x02U\x01xQ.", "persistent id"),
    "a persistent id in a line": (b"Pos.system\n.", "persistent id"),
    "a buffer outside": (b"\x80\x05\x97.", "buffer outside"),
    "a call of a list": (b"](tR.", "a call of a list"),
    "a call of a text": (b"S'os'\n(tR.", "a call of a str"),
    "a call with keywords": (
        b"\x80\x04" + stack_global("builtins", "set")[2:] + b")}\x8c\x01xK\x01s\x92.",
        "keywords",
    ),
    "a state for a list": (b"](dS'__class__'\nI1\nsb.", "a state for a list"),
    "a state for a name": (b"c__builtin__\nlist\n(dS'x'\nI1\nsb.", "a state for a Name"),
    "two states": (CHUMPY + b"(db(db.", "two states"),
    "appending to a tuple": (b"(tI1\na.", "appended to a tuple"),
    "items in a list": (b"]I1\nI2\ns.", "items set in a list"),
    "a bare name": (b"c__builtin__\nobject\n.", "builtin__.object"),
    "a name called that is none to call": (b"c__builtin__\nlist\n(tR.", "a call of '__builtin__.list'"),
    "a list in itself": (b"]q\x00h\x00a.", "contains itself"),
    "a chumpy array in itself": (CHUMPY + b"p1\n(dS'x'\ng1\nsb.", "contains itself"),
    "deep nesting": (b"]" * 5000 + b"a" * 4999 + b".", "inside each other"),
    "deep nesting in arguments": (
        b"c__builtin__\nset\n" + b")" + b"\x85" * 5000 + b"R.",
        "inside each other",
    ),
    "a damaged opcode": (b"\xff.", "unknown opcode 0xff"),
    "protocol 6": (b"\x80\x06N.", "protocol 6"),
    "nothing": (b"", "ends too early"),
    "no end": (b"N", "ends too early"),
    "a stack that is empty": (b".", "nothing to take"),
    "a mark that was never set": (b"t.", "damaged"),
    "a place that was never filled": (b"h\x07.", "damaged"),
    "a text longer than the file": (b"\x80\x04\x8e" + b"\xff" * 8 + b"x.", "ends too early"),
    "a text of negative length": (b"T\xff\xff\xff\xffx.", "ends too early"),
    "a giant integer": (b"\x80\x02\x8b\xff\xff\xff\x7f.", "integer of 2147483647 bytes"),
    "an integer of many digits": (b"I" + b"9" * 6000 + b"\n.", "damaged"),
    "a tuple of tuples as a key": (b"\x80\x02})\x85\x85K\x01s.", "as a key"),
    "a list as a key": (b"}]I1\ns.", "as a key"),
    "another codec": (b"c_codecs\nencode\n(Vx\nVrot13\ntR.", "latin1"),
    "attributes of an array": (NUMPY + b"(dS'shape'\nI1\nsb.", "without its numbers"),
    "a shape larger than its bytes": (
        NUMPY + b"(I1\n(I99\ntcnumpy\ndtype\n(S'f8'\nI0\nI1\ntRI0\nS'xxxxxxxx'\ntb.",
        "do not fit",
    ),
    "a negative shape": (
        NUMPY + b"(I1\n(I-1\ntcnumpy\ndtype\n(S'f8'\nI0\nI1\ntRI0\nS''\ntb.",
        "impossible shape",
    ),
    "pointers as numbers": (
        NUMPY + b"(I1\n(I1\nt" + OBJECT_TYPE + b"I0\nS'xxxxxxxx'\ntb.",
        "objects do not fit",
    ),
    "a type by an expression": (b"cnumpy\ndtype\n(S'f8,f8'\ntR.", "type f8,f8"),
    "a type that is text for NumPy": (b"cnumpy\ndtype\n(S'numpy.void'\ntR.", "numpy.void"),
}  # fmt: skip


@pytest.fixture
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file that an attack would make; and no attack may import a module."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "canary"
    before = set(sys.modules)
    yield path
    assert not path.exists()
    assert not {"antigravity", "runpy_target"} & (set(sys.modules) - before)


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_refused_by_name_and_nothing_runs(attack: str, canary: Path) -> None:
    data, name = ATTACKS[attack]
    data = data.replace(b"{canary}", str(canary).encode())
    with pytest.raises(FileFormatError, match=name) as caught:
        loads_pickle(data, name="body.pkl")
    assert "body.pkl" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_attacks_are_real() -> None:
    """Python itself would run the first of them."""
    with pytest.raises(FileNotFoundError, match="no such place"):
        pickle.loads(opcodes("builtins", "exec", "raise FileNotFoundError('no such place')"))  # noqa: S301


@pytest.mark.parametrize("trick", TRICKS)
def test_a_trick_is_refused(trick: str) -> None:
    data, said = TRICKS[trick]
    with pytest.raises(FileFormatError, match=said):
        loads_pickle(data, name="body.pkl")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_class_with_reduce_is_refused_in_every_protocol(protocol: int, canary: Path) -> None:
    data = pickle.dumps({"v_template": [Calls(exec, TOUCH.format(canary=canary))]}, protocol)
    with pytest.raises(FileFormatError, match=r"builtin.*\.exec"):
        loads_pickle(data, name="body.pkl")


def test_arrays_shared_many_times_are_counted_once_and_copies_are_bounded() -> None:
    array = np.zeros(1000)
    assert len(loads_pickle(pickle.dumps([array] * 50, 2), name="x", limit_bytes=9000)) == 50  # type: ignore[arg-type]
    # One text of 8 kB that the memo hands to fifty arrays.
    state = b"(I1\n(I1000\ntcnumpy\ndtype\n(S'f8'\nI0\nI1\ntRI0\ng7\ntb"
    text = b"T" + struct.pack("<i", 8000) + bytes(8000) + b"p7\n0"
    many = text + b"(" + (NUMPY + state) * 50 + b"l."
    assert len(loads_pickle(many, name="x")) == 50  # type: ignore[arg-type]
    with pytest.raises(FileFormatError, match="limit_bytes"):
        loads_pickle(many, name="x", limit_bytes=100_000)


def test_steps_and_files_are_bounded(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="limit_steps"):
        loads_pickle(b"]" * 2000 + b".", name="x", limit_steps=1000)
    path = tmp_path / "big.pkl"
    path.write_bytes(pickle.dumps(list(range(1000))))
    with pytest.raises(FileFormatError, match="limit_bytes"):
        read_pickle(path, limit_bytes=100)
    with pytest.raises(FileFormatError, match="No such file"):
        read_pickle(tmp_path / "none.pkl")


def test_a_billion_laughs_stay_small() -> None:
    """Tuples of two references each, sixty deep: 2^60 if anything walked them all."""
    data = b")" + b"2\x86" * 60 + b"."
    loads_pickle(data, name="x")
    with pytest.raises(FileFormatError, match="encoded by"):
        loads_pickle(b"c_codecs\nencode\n" + data[:-1] + b"\x85R.", name="x")


def test_damage_never_ends_in_anything_but_our_error() -> None:
    rng = np.random.default_rng(0)
    for protocol in PROTOCOLS:
        whole = pickle.dumps(
            {"a": np.arange(5), "b": [1, "x", {2.5}], "c": scipy.sparse.eye(3)}, protocol
        )
        for _ in range(150):
            data = bytearray(whole)
            for place in rng.integers(0, len(data), rng.integers(1, 4)):
                data[place] = rng.integers(0, 256)
            cut = bytes(data)[: rng.integers(1, len(data) + 1)]
            try:
                loads_pickle(cut, name="x")
            except FileFormatError:
                pass
            except DeprecationWarning:
                assert protocol == 0  # an escape in a text that Python frowns upon


# ---- what is read ----

ARRAY = np.arange(24.0).reshape(2, 3, 4)
PLAIN: dict[str, Any] = {
    "numbers": [1, -5, 255, 2**70, -(2**70), 1.5, float("inf"), True, False, None, 2j],
    "texts": ["", "a'\"\n\\", "ü", "\U0001f600", b"", b"\x00\xff"],
    "containers": {"a": [1, (2, (3,), ())], (1, "b"): {1, 2}, 3: frozenset({4}), None: {}},
    "shared": [[1]] * 3,
    "ordered": collections.OrderedDict([("z", 1), ("a", 2)]),
    "with a default": collections.defaultdict(list, a=[1]),
    "bytearray": bytearray(b"ab"),
    "slice": slice(1, None, 2),
    "float32": np.float32(1.5),
    "int64 keys": {np.int64(3): "x"},
    "bool": np.array([True, False]),
    "big-endian": np.arange(3, dtype=">i4"),
    "columns first": np.asfortranarray(ARRAY),
    "strided": ARRAY[:, ::2],
    "empty": np.zeros((0, 3)),
    "no axes": np.array(3.0),
    "texts in an array": np.array(["ab", "c"]),
    "bytes in an array": np.array([b"ab", b"c"]),
    "complex": np.array([1j]),
    "objects": np.array([[1, "a"], [None, (2,)]], dtype=object),
    "dict in an array": np.array({"a": ARRAY}, dtype=object),
    "matrix": np.eye(2).view(np.matrix),
    **{str(order): ARRAY.transpose(order) for order in itertools.permutations(range(3))},
}


def same(a: Any, b: Any) -> None:
    if isinstance(a, np.ndarray):
        assert isinstance(b, np.ndarray)
        assert a.dtype == b.dtype.newbyteorder("=")
        assert a.dtype.isnative
        assert a.flags.writeable
        assert a.shape == b.shape
        assert str(a.tolist()) == str(b.tolist())
    else:
        assert a == b


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("what", PLAIN)
def test_plain_data_comes_out_as_it_went_in(what: str, protocol: int) -> None:
    same(loads_pickle(pickle.dumps(PLAIN[what], protocol), name="x"), PLAIN[what])


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("form", ["matrix", "array"])
@pytest.mark.parametrize("kind", ["csc", "csr", "coo"])
def test_sparse_matrices(kind: str, form: str, protocol: int) -> None:
    dense = np.array([[0, 1.5, 0], [2, 0, 0]])
    data = pickle.dumps(getattr(scipy.sparse, f"{kind}_{form}")(dense), protocol)
    for module in (f"scipy.sparse._{kind}", f"scipy.sparse.{kind}"):  # new, old
        if protocol < 4:  # from there on names have their lengths before them
            data = data.replace(f"scipy.sparse._{kind}".encode(), module.encode())
        out: Any = loads_pickle(data, name="x")
        assert scipy.sparse.issparse(out)
        assert out.toarray().tolist() == dense.tolist()


@pytest.mark.parametrize(
    "change",
    [
        {"indices": np.array([0, 99])},
        {"indices": np.array([-1, 0])},
        {"indptr": np.array([0, 5, 2])},
        {"indptr": np.array([0, 1, 2, 2])},
        {"_shape": (2, 2**60)},
        {"_shape": None},
        {"data": "text"},
    ],
)
def test_sparse_matrices_that_reach_outside_are_refused(change: dict[str, Any]) -> None:
    matrix = scipy.sparse.csr_matrix(np.eye(2))
    matrix.__dict__.update(change)
    with pytest.raises(FileFormatError, match=r"sparse|shape|'data'"):
        loads_pickle(pickle.dumps(matrix, 2), name="x")


def test_byte_strings_of_python_2_come_as_latin1() -> None:
    """Written by hand: `{'gender': 'm\\xe4nnlich', u'name': 'x'}` in protocols 0, 1 and 2."""
    expected = {"gender": "m\xe4nnlich", "name": "x"}
    zero = b"(dp0\nS'gender'\np1\nS'm\\xe4nnlich'\np2\nsVname\np3\nS\"x\"\np4\ns."
    one = b"}q\x00(U\x06genderq\x01U\x08m\xe4nnlichq\x02X\x04\x00\x00\x00nameT\x01\x00\x00\x00xu."
    for data in (zero, one, b"\x80\x02" + one):
        assert loads_pickle(data, name="x") == expected
        assert pickle.loads(data, encoding="latin1") == expected  # noqa: S301


def test_an_array_of_python_2() -> None:
    """Protocol 0: the numbers are a quoted byte string with escapes."""
    raw = np.array([1.5, -2.25]).tobytes()
    quoted = "".join(f"\\x{byte:02x}" for byte in raw).encode()
    dtype = b"cnumpy\ndtype\n(S'f8'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntb"
    data = NUMPY + b"(I1\n(I2\nt" + dtype + b"I00\nS'" + quoted + b"'\ntb."
    same(loads_pickle(data, name="x"), np.array([1.5, -2.25]))


@pytest.fixture
def chumpy(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Stand-ins under chumpy's names, so that pickles can be written that ask for them."""
    for module, name in (("chumpy.ch", "Ch"), ("chumpy.reordering", "Select")):
        fake = types.ModuleType(module)
        cls = type(name, (), {"__module__": module})
        setattr(fake, name, cls)
        monkeypatch.setitem(sys.modules, module, fake)
    monkeypatch.setitem(sys.modules, "chumpy", types.ModuleType("chumpy"))

    def make(module: str, **state: Any) -> Any:
        fake = sys.modules[module]
        out = (fake.Ch if module == "chumpy.ch" else fake.Select)()
        out.__dict__.update(state)
        return out

    return make


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_chumpy_arrays(chumpy: Callable[..., Any], protocol: int) -> None:
    inner = chumpy("chumpy.ch", x=ARRAY, _itr=None, _dirty_vars={"x"}, _status="new")
    chosen = chumpy(
        "chumpy.reordering", a=inner, idxs=np.array([5, 0, 23, 1]), preferred_shape=(2, 2)
    )
    flat = chumpy("chumpy.reordering", a=inner, idxs=np.array([2, 3]))
    out: Any = loads_pickle(pickle.dumps([inner, chosen, flat], protocol), name="x")
    same(out[0], ARRAY)
    same(out[1], np.array([[5.0, 0], [23, 1]]))
    same(out[2], np.array([2.0, 3]))


def test_chumpy_beyond_its_list_may_stand_where_nobody_needs_it() -> None:
    """Body models carry `J` as an expression; nothing of it is made."""
    data = b"}(S'J'\ncchumpy.ch_ops\nsubtract\n(tRS'f'\nI7\nu."
    with pytest.raises(FileFormatError, match=r"chumpy\.ch_ops\.subtract"):
        loads_pickle(data, name="x")
    assert loads_pickle(data, name="x", keys=["f"]) == {"f": 7}
    with pytest.raises(FileFormatError, match=r"chumpy\.ch_ops\.subtract"):
        loads_pickle(data, name="x", keys=["J", "f"])
    with pytest.raises(FileFormatError, match=r"os\.system"):
        loads_pickle(data.replace(b"chumpy.ch_ops\nsubtract", b"os\nsystem"), name="x", keys=["f"])


@pytest.mark.parametrize(
    ("module", "state"),
    [
        ("chumpy.ch", {"x": "text"}),
        ("chumpy.ch", {}),
        ("chumpy.ch", {"x": np.array([None, 1], dtype=object)}),
        ("chumpy.reordering", {"a": ARRAY, "idxs": np.array([99])}),
        ("chumpy.reordering", {"a": ARRAY, "idxs": np.array([0.5])}),
        ("chumpy.reordering", {"a": ARRAY, "idxs": np.array([1]), "preferred_shape": (2**40,)}),
        ("chumpy.reordering", {"a": ARRAY, "idxs": np.array([1]), "preferred_shape": "x"}),
    ],
)
def test_chumpy_states_that_make_no_sense(
    chumpy: Callable[..., Any], module: str, state: dict[str, Any]
) -> None:
    with pytest.raises(FileFormatError):
        loads_pickle(pickle.dumps(chumpy(module, **state)), name="x")


class Record:
    """A class of somebody's project."""

    def __init__(self) -> None:
        self.labels = ARRAY
        self.score = 0.5


def test_records_come_as_dicts_where_they_are_asked_for() -> None:
    data = pickle.dumps([Record()])
    name = f"{Record.__module__}.Record"
    with pytest.raises(FileFormatError, match="Record"):
        loads_pickle(data, name="x")
    (record,) = loads_pickle(data, name="x", records=[name])  # type: ignore[misc, attr-defined]
    same(record["labels"], ARRAY)
    assert record["score"] == 0.5


# ---- .npz and .npy ----


def test_object_archives(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    inside = {"pose": ARRAY, "name": "x"}
    np.savez_compressed(
        path, plain=ARRAY, F=ARRAY.T, results=np.array(inside, object), text=np.array("m")
    )
    out: Any = read_object_npz(path)
    assert out.keys() == {"plain", "F", "results", "text"}
    same(out["plain"], ARRAY)
    same(out["F"], ARRAY.T)
    same(out["results"]["pose"], ARRAY)
    assert str(out["text"]) == "m"
    np.save(tmp_path / "b.npy", np.array([inside, None], dtype=object))
    same(read_object_npz(tmp_path / "b.npy")["arr_0"][0]["pose"], ARRAY)  # type: ignore[index]


def test_an_object_array_that_attacks(tmp_path: Path, canary: Path) -> None:
    path = tmp_path / "a.npz"
    hostile = Calls(exec, TOUCH.format(canary=canary))
    np.savez(path, fine=ARRAY, bad=np.array([hostile], dtype=object))
    with pytest.raises(FileFormatError, match=r"a\.npz:bad\.npy.*builtins\.exec"):
        read_object_npz(path)


def test_archives_that_unpack_to_more_than_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, a=np.zeros(10_000_000))
    assert path.stat().st_size < 100_000
    with pytest.raises(FileFormatError, match="limit_bytes"):
        read_object_npz(path, limit_bytes=1_000_000)


@pytest.mark.parametrize("header", ["(10**9,)", "(-1,)", "(1 << 70,)", "()"])
def test_headers_that_lie(tmp_path: Path, header: str) -> None:
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {header}}}\n".encode()
    path = tmp_path / "lie.npz"
    with zipfile.ZipFile(path, "w") as archive:
        magic = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text))
        archive.writestr("a.npy", magic + text + bytes(80))
    with pytest.raises(FileFormatError):
        read_object_npz(path)


def test_truncated_archives(tmp_path: Path) -> None:
    whole = io.BytesIO()
    np.savez(whole, a=ARRAY, b=np.array([{}], dtype=object))
    path = tmp_path / "cut.npz"
    for share in (0.0, 0.1, 0.5, 0.9):
        path.write_bytes(whole.getvalue()[: int(share * len(whole.getvalue()))])
        with pytest.raises(FileFormatError):
            read_object_npz(path)


# ---- torch ----


def test_torch_files(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    base = torch.arange(12.0).reshape(3, 4)
    value = {
        "view": base.T[1:],
        "double": base.double(),
        "half": torch.tensor([1.5], dtype=torch.bfloat16),
        "wide": torch.ones(1).expand(3),
        "empty": torch.zeros(0, 2),
        "flags": torch.tensor([True]),
        "weight": torch.nn.Parameter(base),
        "list": [torch.tensor(3), "x"],
    }
    torch.save(value, path)
    out: Any = read_torch_tensors(path)
    for key, tensor in value.items():
        if isinstance(tensor, torch.Tensor):
            assert out[key].tolist() == tensor.detach().tolist()
            assert out[key].shape == tuple(tensor.shape)
    assert out["list"][1] == "x"


def test_a_torch_file_that_attacks(tmp_path: Path, canary: Path) -> None:
    path = tmp_path / "x.pt"
    torch.save({"a": Calls(exec, TOUCH.format(canary=canary))}, path)
    with pytest.raises(FileFormatError, match="exec"):
        read_torch_tensors(path)


def test_a_tensor_outside_its_storage(tmp_path: Path) -> None:
    path, bad = tmp_path / "x.pt", tmp_path / "bad.pt"
    torch.save(torch.arange(8.0)[2:7], path)
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(bad, "w") as new:
        for entry in old.namelist():
            data = old.read(entry)
            if entry.endswith("data.pkl"):
                data = data.replace(b"K\x02K\x05\x85", b"K\x04K\x05\x85")  # offset 2 -> 4
            new.writestr(entry, data)
    with pytest.raises(FileFormatError, match="outside its storage"):
        read_torch_tensors(bad)
    with pytest.raises(FileFormatError, match="limit_bytes"):
        read_torch_tensors(path, limit_bytes=10)
