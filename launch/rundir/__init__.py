"""The run directory: where those who run and those who look meet. Here both find the files of a run and its processes.

General layout, lowest first:

    directory    where the files of a run lie, and how its hosts write them
    live         whether the run lives, and how operators reach it
    stacks       what each of its processes is computing, as its stack says
    whereabouts  where each of its hosts is in simulated time, as a thread of it tells
"""
