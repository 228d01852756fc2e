"""From a graph to hosts: the world of a run, how far its nodes can run ahead of each other, and which run together.

General layout, lowest first:

    world    nodes, trajectories, media and hosts, and the lookahead between them
    placing  which nodes run in which process, grouped by light time, and whether that is worth it
    survey   the facts about a placement, and why it is so
    sky      where things are and how long light takes between them, asked from outside of a run
"""
