"""Who is who over time, for keypoint files that do not follow people themselves."""

from lift3d.tracking.greedy import GreedyTracking, track_greedy

__all__ = ["GreedyTracking", "track_greedy"]
