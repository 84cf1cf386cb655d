"""Pieces of networks that several of them, or someone else's, are made of."""
