"""Pickles that run code in Python's own `pickle`, or fill its memory, made opcode by opcode.

A gadget makes the canary (a file, or a folder, of that path) when it runs. That each one would is tried
with Python's `pickle` in a process of its own (`tests/security/test_attacks.py`): none is a blank.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Final

from tests.helpers.attack_opcodes import (
    bound,
    build,
    call,
    data,
    dotted,
    framed,
    name,
    new,
    text,
    value,
    whole,
)

__all__ = ["BOMBS", "GADGETS", "TRICKS", "Gadget"]

Gadget = Callable[[str], bytes]
"""Makes a pickle of the canary's path."""


def _python(canary: str) -> str:
    return f"open({canary!r}, 'w').close()"


def _shell(canary: str) -> str:
    return f"touch {canary}"


def _script(canary: str) -> str:
    """A file of Python beside the canary that makes it; who uses gadgets writes it."""
    return canary.rpartition("/")[0] + "/evil.py"


def _system(canary: str) -> bytes:
    return call("os.system", _shell(canary))


def _os() -> bytes:
    return call("builtins.__import__", "os")


def _draining(canary: str) -> bytes:
    """An iterator whose first step runs."""
    return new("builtins.map", name("os.mkdir"), [canary])


def _setstate(canary: str) -> bytes:
    """An object of a class made on the way, whose `__setstate__` runs what it is given."""
    runs = call("functools.partial", name("builtins.exec"))
    static = call("builtins.staticmethod", runs)
    made = call("builtins.type", "T", (name("builtins.object"),), {"__setstate__": static})
    return build(call(made), _python(canary))


# What is called, and with what, in plain calls.
_CALLS: Final[Mapping[str, Callable[[str], bytes]]] = {
    "os.system": _system,
    "posix.system": lambda c: call("posix.system", _shell(c)),
    "os.popen": lambda c: call(bound(call("os.popen", _shell(c)), "read")),
    "os.open": lambda c: call("os.open", c, 65),
    "os.mkdir": lambda c: call("os.mkdir", c),
    "os.symlink": lambda c: call("os.symlink", "/", c),
    "os.spawnv": lambda c: call("os.spawnv", 0, "/bin/mkdir", ["mkdir", c]),
    "subprocess.call": lambda c: call("subprocess.call", ["touch", c]),
    "subprocess.getoutput": lambda c: call("subprocess.getoutput", _shell(c)),
    "eval": lambda c: call("builtins.eval", _python(c)),
    "eval of Python 2": lambda c: call("__builtin__.eval", _python(c)),
    "exec": lambda c: call("builtins.exec", _python(c)),
    "open": lambda c: call("builtins.open", c, "w"),
    "io.FileIO": lambda c: call("io.FileIO", c, "w"),
    "getattr of an import": lambda c: call(bound(_os(), "mkdir"), c),
    "importlib": lambda c: call(bound(call("importlib.import_module", "os"), "mkdir"), c),
    "a loader of modules": lambda c: call(
        bound(call("importlib.machinery.SourceFileLoader", "evil", _script(c)), "load_module")
    ),
    "runpy": lambda c: call("runpy.run_path", _script(c)),
    "ctypes": lambda c: call(bound(call("ctypes.CDLL", None), "system"), data(_shell(c).encode())),
    "methodcaller": lambda c: call(call("operator.methodcaller", "system", _shell(c)), _os()),
    "attrgetter": lambda c: call(call(call("operator.attrgetter", "mkdir"), _os()), c),
    "functools.partial": lambda c: call(call("functools.partial", name("os.mkdir"), c)),
    "functools.reduce": lambda c: call("functools.reduce", name("os.mkdir"), [c, 511]),
    "a list that drains a map": lambda c: call("builtins.list", _draining(c)),
    "timeit": lambda c: call("timeit.timeit", _python(c), "pass", name("time.time"), 1),
    "cProfile": lambda c: call("cProfile.run", _python(c)),
    "bdb": lambda c: call(bound(call("bdb.Bdb"), "run"), _python(c)),
    "an interpreter": lambda c: call(
        bound(call("code.InteractiveInterpreter"), "runsource"), _python(c)
    ),
    "shutil": lambda c: call("shutil.copyfile", "/etc/passwd", c),
    "logging": lambda c: call("logging.FileHandler", c),
    "sqlite3": lambda c: call(bound(call("sqlite3.connect", c), "execute"), "create table a (b)"),
    "zipfile": lambda c: call("zipfile.ZipFile", c, "w"),
    "numpy.memmap": lambda c: call("numpy.memmap", c, "u1", "w+", 0, (1,)),
    "numpy's test runner": lambda c: call("numpy.testing._private.utils.runstring", _python(c), {}),
    "torch.save": lambda c: call("torch.save", 1, c),
    "a pickle in a pickle": lambda c: call("pickle.loads", data(_system(c) + b".")),
    "torch's own loader": lambda c: call("torch.storage._load_from_bytes", data(_system(c) + b".")),
    "numpy's own loader": lambda c: call(
        "numpy.load", call("io.BytesIO", data(_npy(_system(c)))), None, _true()
    ),
    "a code object": lambda c: call(
        call("types.FunctionType", call("builtins.compile", _python(c), "x", "exec"), {})
    ),
}

# The same call by other opcodes, in other places, under other names.
_WAYS: Final[Mapping[str, Gadget]] = {
    "GLOBAL and REDUCE": lambda c: _system(c) + b".",
    "INST": lambda c: b"(" + text(_shell(c)) + b"ios\nsystem\n.",
    "OBJ": lambda c: b"(" + name("os.system") + text(_shell(c)) + b"o.",
    "NEWOBJ": lambda c: whole(new("builtins.tuple", _draining(c))),
    "NEWOBJ_EX": lambda c: whole(
        name("builtins.tuple") + value((_draining(c),)) + value({}) + b"\x92"
    ),
    "STACK_GLOBAL": lambda c: whole(call(dotted("os", "system"), _shell(c))),
    "STACK_GLOBAL with a point": lambda c: whole(
        call(dotted("pathlib", "Path.touch"), call("pathlib.Path", c))
    ),
    "STACK_GLOBAL from the memo": lambda c: whole(
        text("system") + b"\x940" + text("os") + b"h\x00\x93" + value((_shell(c),)) + b"R"
    ),
    "an extension code": lambda c: whole(
        call("copyreg.add_extension", "os", "system", 7) + b"0\x82\x07" + value((_shell(c),)) + b"R"
    ),
    "copyreg's constructor": lambda c: whole(
        call("copyreg._reconstructor", name("builtins.tuple"), name("builtins.tuple"), _draining(c))
    ),
    "copyreg's new object": lambda c: whole(
        call("copyreg.__newobj__", name("builtins.tuple"), _draining(c))
    ),
    "BUILD with __setstate__": lambda c: whole(_setstate(c)),
    "the memo": lambda c: name("os.system") + b"q\x070h\x07" + value((_shell(c),)) + b"R.",
    "the memo under a giant number": lambda c: (
        name("os.system") + b"p999999\n0g999999\n" + value((_shell(c),)) + b"R."
    ),
    "the value of a dict": lambda c: value({"keypoints": _system(c)}) + b".",
    "the key of a dict": lambda c: b"(" + _system(c) + value(1) + b"d.",
    "an argument of what is allowed": lambda c: (
        call("collections.OrderedDict", [_system(c)]) + b"."
    ),
    "a member of a set": lambda c: whole(b"\x8f(" + _system(c) + b"\x90"),
    "called and dropped": lambda c: _system(c) + b"0" + value({"keypoints": []}) + b".",
    "dropped with a mark": lambda c: b"(" + _system(c) + b"1" + value({"keypoints": []}) + b".",
    "in a frame": lambda c: framed(_system(c)),
    "protocol 2's head": lambda c: whole(_system(c), 2),
    "protocol 5's head": lambda c: whole(_system(c), 5),
}

GADGETS: Final[Mapping[str, Gadget]] = _WAYS | {
    f"call of {what}": lambda c, made=made: made(c) + b"." for what, made in _CALLS.items()
}
"""All of them run in Python's own `pickle`."""


def _true() -> bytes:
    return b"\x88"


def _npy(objects: bytes) -> bytes:
    """An .npy file of an array of objects, whose pickle this is."""
    head = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + objects + b"."


_LAUGHS: Final = b")" + b"2\x86" * 64
_NUMPY: Final = call("numpy.core.multiarray._reconstruct", name("numpy.ndarray"), (0,), data(b"b"))
_F8: Final = build(call("numpy.dtype", "f8", 0, 1), (3, "<", None, None, None, -1, -1, 0))


def _array(shape: tuple[int, ...], raw: bytes) -> bytes:
    return build(_NUMPY, (1, shape, _F8, b"\x89", raw))


def _sized(opcode: bytes, form: str, count: int) -> bytes:
    return b"\x80\x04" + opcode + struct.pack(form, count) + b"x."


_MEGABYTE: Final = data(bytes(1_000_000)) + b"q\x000"
_COLLIDING: Final = b"".join(
    b"\x8a\x10" + (n * ((1 << 61) - 1)).to_bytes(16, "little") + b"N" for n in range(20_000)
)

BOMBS: Final[Mapping[str, bytes]] = {
    "laughs": whole(_LAUGHS),
    "laughs as a key": whole(b"}" + _LAUGHS + b"Ns"),
    "laughs as a type": whole(call("numpy.dtype", _LAUGHS)),
    "laughs as a name": whole(_LAUGHS + _LAUGHS + b"\x93"),
    "lists 100,000 deep": whole(b"]" * 100_000 + b"a" * 99_999),
    "tuples 100,000 deep": whole(b")" + b"\x85" * 100_000),
    "a list in itself": whole(b"]q\x00h\x00a"),
    "a dict in itself": whole(b"}q\x00" + text("keypoints") + b"h\x00s"),
    "marks without end": whole(b"(" * 3_000_000),
    "containers without end": whole(b"(" + b"]" * 3_000_000 + b"l"),
    "doubling without end": whole(b"N" + b"2" * 3_000_000),
    "memo without end": whole(b"N" + b"\x94" * 3_000_000),
    "a giant integer": _sized(b"\x8b", "<i", (1 << 31) - 1),
    "an integer of negative size": _sized(b"\x8b", "<i", -5),
    "an integer of 6,000 digits": b"I" + b"9" * 6_000 + b"\n.",
    "a long of a million digits": b"L" + b"9" * 1_000_000 + b"L\n.",
    "giant bytes": _sized(b"\x8e", "<Q", 1 << 62),
    "giant text": _sized(b"\x8d", "<Q", 1 << 62),
    "a giant bytearray": _sized(b"\x96", "<Q", 1 << 40),
    "text of negative size": b"T\xff\xff\xff\xffx.",
    "a giant frame": _sized(b"\x95", "<Q", 1 << 62),
    "an array of 10^15": whole(_array((10**8, 10**7), data(bytes(8)))),
    "an array of negative length": whole(_array((-1,), data(b""))),
    "a thousand arrays of one text": whole(
        _MEGABYTE + value({"keypoints": [_array((125_000,), b"h\x00")] * 1_000})
    ),
    "integers of one hash": whole(b"}(" + _COLLIDING + b"u"),
    "a set of many": whole(_MEGABYTE + value([call("builtins.set", [1, 2, 3])] * 100_000)),
}
"""Small, and much larger when they are unpacked."""

TRICKS: Final[Mapping[str, bytes]] = {
    "a persistent id": whole(value("os.system") + b"Q"),
    "a persistent id in a line": b"Pos.system\n.",
    "an unknown extension": whole(b"\x84\xff\xff\xff\x7f"),
    "a buffer outside": whole(b"\x97\x98", 5),
    "protocol 9": b"\x80\x09N.",
    "no end": b"\x80\x04N",
    "an empty stack": b"\x80\x04.",
    "an unknown opcode": b"\x80\x04\xff.",
    "a state for a list": whole(build(b"]", {"append": 1})),
    "a state for a class": whole(build(name("builtins.dict"), {"a": 1})),
    "the class of an array": whole(build(_NUMPY, {"__class__": 1})),
    "an array of pointers": whole(
        build(_NUMPY, (1, (1,), call("numpy.dtype", "O8", 0, 1), b"\x89", data(bytes(8))))
    ),
    "a type that is an expression": whole(call("numpy.dtype", "f8,O,(9999999,)f8")),
    "a codec that runs": whole(call("_codecs.encode", "x", "rot13")),
    "a name that is none": whole(name("builtins.object")),
    "chumpy beyond its list": whole(call("chumpy.optimization.minimize")),
}
"""Not what a file of numbers has in it."""
