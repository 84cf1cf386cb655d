"""What the verb `serve` does: check that the extra is there, and serve until it is stopped."""

from importlib.util import find_spec
from typing import Final

from lift3d.cli.console import console
from lift3d.errors import MissingDependencyError
from lift3d.serving.settings import ServeSettings

__all__ = ["serve"]

_NEEDS: Final = ("fastapi", "uvicorn", "httptools")


def serve(settings: ServeSettings) -> None:
    """Serve until Ctrl-C or SIGTERM. `MissingDependencyError` without the extra."""
    missing = [name for name in _NEEDS if find_spec(name) is None]
    if missing:
        raise MissingDependencyError(
            f"expected FastAPI and uvicorn to serve, got no {', '.join(missing)}: "
            "pip install 'lift3d[serve]'"
        )
    from lift3d.serving.run import run

    run(settings, lambda url: console.print(f"serving at {url} (Ctrl-C stops)", highlight=False))
