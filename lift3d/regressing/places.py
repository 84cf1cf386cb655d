"""Where keypoints usually lie on the default body's bones: the asset, see `weights/posture.md`."""

from importlib.resources import files
from pathlib import Path
from typing import Final

from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from torch import Tensor

from lift3d.errors import FileFormatError

__all__ = ["PLACES_FORMAT", "usual_places"]

PLACES_FORMAT: Final = "lift3d places 1"


def usual_places() -> Float[Tensor, "40 3"]:
    """Where points usually lie on the default body's bones (metres, each bone's axes).

    Raises `FileFormatError` for a broken asset.
    """
    path = Path(str(files("lift3d.regressing"))) / "weights" / "places.safetensors"
    try:
        with safe_open(path, framework="pt") as file:
            if (file.metadata() or {}).get("format") != PLACES_FORMAT:
                raise KeyError(PLACES_FORMAT)
            places: Tensor = file.get_tensor("places")
    except (OSError, SafetensorError, KeyError) as error:
        raise FileFormatError(
            f"expected the usual places of points in '{path}', got {type(error).__name__}: {error}: "
            "install lift3d again"
        ) from error
    return places
