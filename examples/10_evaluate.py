"""Measure a lifter

On motion that is made up, so that it runs everywhere: the figures show how to measure, and say
nothing about real people. With motion capture of your own put its reader in the place of
`synthetic`.
"""

import matplotlib as mpl

import lift3d
from lift3d.evaluation import EvaluationConfig, evaluate_lifter

mpl.use("agg")
from matplotlib import pyplot as plt

motion = lift3d.datasets["synthetic"](count=16, frames=60)
config = EvaluationConfig(unmeasured=True)
figure, axes = plt.subplots(figsize=(7.8, 3.0), layout="constrained")
for number, name in enumerate(("universal", "temporal")):
    found = evaluate_lifter(lift3d.lifters[name](), motion, config)
    print(name, {key: round(value, 1) for key, value in found.figures.items() if "mpjpe" in key})
    errors = found.per_joint_mm
    places = [row + 0.4 * number for row in range(len(errors))]
    axes.bar(places, list(errors.values()), width=0.38, label=name)
axes.set_xticks(range(len(errors)), list(errors), rotation=60, ha="right", fontsize=7)
axes.set(ylabel="mm", title="error by joint, made-up motion")
axes.legend()
figure.savefig("10_evaluate.png", dpi=100)
