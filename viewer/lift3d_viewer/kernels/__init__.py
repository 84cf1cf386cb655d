"""Compiled kernels of the viewers: one thread, no state, released from the interpreter's lock.

They are imported when the first picture is drawn, since numba is slow to import. What is compiled is
kept on disk and told apart by its file's age: a kernel calls only kernels of its own file.
"""
