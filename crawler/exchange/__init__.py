"""What workers and the collector say to each other, by way of Redis.

The frontier stays in the corpus. What is asked for at the moment stands in Redis, in streams of
tasks that workers take from as one consumer group; what became of each task goes to one stream of
outcomes, which the collector reads. A task is in exactly one of them, so that nothing can be lost
between the two, and what Redis loses is given out again. ``docs/scale.md`` tells of each key.
"""
