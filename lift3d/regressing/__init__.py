"""Bodies read out of lifted joints: the regressor, its refinement, and lifters that stand on it.

`smpl` reads parameters, `refinement` lays them on the keypoints; `articulated` and `framewise` give back
joints that hang on the body.
"""
