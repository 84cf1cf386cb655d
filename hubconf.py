"""Entry points for torch.hub: `torch.hub.load("path/to/lift3d", "universal", source="local")`.

torch.hub asks for a file of this name here. Weights come with the package: nothing is fetched, unless
`weights` names a repository on the Hugging Face hub (docs/hub.md).
"""

from lift3d.plugins import lifters, regressors

dependencies = ["torch", "numpy", "scipy", "safetensors", "jaxtyping", "numba", "msgspec", "orjson"]


def _entry(group, name):
    def load(weights=name, **options):
        return group[name].from_pretrained(weights, **options)

    load.__doc__ = f"The {name} of lift3d; `weights` is a folder, a file, '{name}' or a repository."
    return load


universal, temporal, streaming = (
    _entry(lifters, n) for n in ("universal", "temporal", "streaming")
)
martinez, matching = (_entry(lifters, n) for n in ("martinez", "matching"))
articulated, framewise = (_entry(lifters, n) for n in ("articulated", "framewise"))
smpl = _entry(regressors, "smpl")
