"""The exception tree. Every message is one sentence: what was expected, what came, what to do.

`Lift3dError` is the only class to catch; the command line turns it into exit code 2.
"""


class Lift3dError(Exception):
    """The root of all errors that lift3d raises on purpose."""


class InputError(Lift3dError):
    """A value handed to a function does not have the form that its docstring asks for."""


class FileFormatError(Lift3dError):
    """A file is missing, broken, or not in a format that lift3d reads."""


class SkeletonError(Lift3dError):
    """A joint or skeleton is unknown, or cannot be told from the data alone."""


class OutputError(Lift3dError):
    """A result cannot be written where it was asked to go."""


class PluginError(Lift3dError):
    """A plug-in is unknown, given twice, or fails to load."""


class MissingDependencyError(Lift3dError):
    """Something outside Python packages is missing (a GL library, a licensed file, an extra)."""
