"""Training of lifters: one engine (`engine`), the tasks that it runs, and where their samples come from.

`lifter.train_lifter` is what `lift3d train` calls. A new method is a `task.Task`: network, samples,
losses and validation; `engine.run` brings the rest.
"""
