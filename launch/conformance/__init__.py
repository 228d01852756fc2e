"""What a run relies on, tried on a node type: documents, messages, trajectory, and runs in a small graph made for it.

General layout, lowest first:

    finding              what a check comes to: ok, warn or fail, the reason, and what to do
    subject              what is checked: the node types and graphs of a distribution, a module, a name, a file
    messages             random messages, made from the annotations of their classes
    peers                somebody to talk to
    trial                a node type, the small graph in which it is tried, and what it did there
    leavings             a run in a fresh process, and what is left after it: threads, sockets, files
    reading              checks that read
    motion               the check of a trajectory
    flood                the check by ten thousand random messages
    running              checks that run
    checks               the list of all checks, and what is told of them
"""
