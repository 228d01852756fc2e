"""From a graph file to a run and what it leaves: the top layer, and the command line.

General layout, in the order in which a run passes through:

    source, locate, arguments,    a graph file as text with positions; where it is; what the command line puts in
    parameters, plugins, values,  node types; single values; everything checked, every error said
    graph
    presence, machines            when nodes are there; which machines there are
    spec, summary, diagnostics    what a graph is once it is right; in short; what is wrong, and where
    lint, determinism             node code that another run would make different: read, and run twice
    world, placement, survey,     trajectories, media and hosts; which nodes run in which process;
    plan                          why, as data and as tables
    live, sockets                 how a run is begun, and found again while it lives
    runner, inprocess,            drives a run; in this process,
    processes, process, children, or by a supervisor of hub and hosts, what each is to it, what it does there,
    feed                          and what the hub tells
    remote, agent                 hosts on other machines
    fork                          what a run would have become
    operations, why, whereabouts, what operators ask of a live run
    watchdog, send, heard, topic
    rundir, closing, timeline,    the files of a run; who learnt what;
    report                        one page to look at
    recorded, difference, bag     what a recording holds, and where two differ
    options, display              what is asked and told; what a person sees
    teaching, commands, cli       what commands share; the commands

Imports from: bus, nodes, orbiters, missions. Imported by: nothing.
"""
