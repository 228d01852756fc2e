"""Running: a graph is placed, its hosts are started and driven to the end, and the run directory is left readable.

General layout, in the order in which a run passes through:

    options               what is asked of a run, what it tells while it goes, what it comes to
    runner, beginning     begins a run, with its faults, or goes on with one, and drives it to its end
    fork                  what a run would have become
    inprocess             its hosts in this process
    processes, process,   or in others: the supervisor of hub and hosts, what each is to it,
    children, feed        what each does there, and what the hub tells the launcher
    remote, agent         or on other machines
    sockets               where the sockets of a run lie
    operations            what the hub of a live run answers to operators
    watchdog              says why when a run stands still
    timeline, closing     who learnt what; the files that are left
    stage, elsewhere      a run that goes as far as somebody asks it to: here, or over processes;
    driven, faulting,     what can be done to it, and what it has brought; how notebooks and plain tests drive it
    simulation
    search, trial         for faults that a graph does not survive; a run in memory, and what is demanded of it
    determinism           the same graph run twice, in circumstances that may not matter
    replay, replaying,    one node alone, given again what it received: prepared, run through its record,
    witness, check,       in a host that lets somebody listen, held to the record,
    debugger              and stopped where it differs
    trajectories          where the nodes of a run were, as files
"""
