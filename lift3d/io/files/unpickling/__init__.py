"""How pickles are read without running them; `lift3d.io.files.safe_pickle` is the door.

`literals` reads numbers and texts, `machine` moves them about and notes every wish to call something
(`notes`), `values` makes values of the wishes that it knows.
"""
