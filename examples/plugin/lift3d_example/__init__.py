"""Plug-ins for lift3d, made to be copied from."""
