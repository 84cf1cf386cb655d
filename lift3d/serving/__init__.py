"""Lifting as a service: keypoints come in over HTTP, joints, bodies and animations go out.

    requests -> gate (who may ask) -> backlog -> worker processes, many requests at once -> answers

The event loop only moves bytes. What they mean is read, lifted and written in worker processes of one
thread each; a request that takes too long, or ends its process, costs that process and nothing else.
Needs the extra `serve`; docs/serving.md says how to use it.
"""
