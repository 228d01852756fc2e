"""From a graph file to a run and what it leaves: the top layer, and the command line.

General layout, in the order in which a run passes through:

    source, locate, arguments,    a graph file as text with positions; where it is; what the command line puts in
    parameters, plugins, graph    node types; everything checked, every error said
    spec, summary, diagnostics    what a graph is once it is right; in short; what is wrong, and where
    world, placement              trajectories, media and hosts; which nodes run in which process
    runner, processes             drives a run; hosts as processes
    rundir, timeline, report      the files of a run; who learnt what; one page to look at
    options, display, cli         what is asked and told; what a person sees; the commands

Imports from: bus, nodes, orbiters, missions. Imported by: nothing.
"""
