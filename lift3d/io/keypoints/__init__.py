"""Keypoint files: `reading.read_keypoints` is the door, one module reads or writes each format."""
