"""Lifters: keypoints of one person to joints in space. One file per method, readable alone."""
