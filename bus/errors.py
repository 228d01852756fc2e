"""The errors of lightlag, by whose fault they are.

    LightlagError
    ├── GraphError            the graph, an argument or a parameter is wrong (exit code 2, nothing started)
    ├── NodeError             a node's own code did what it may not (exit code 1)
    │   ├── MessageError      a message that cannot be built, encoded or decoded
    │   ├── NotInSimulation   threads, sockets or subprocesses asked of the virtual loop; a task of another node
    │   ├── StuckInstant      more than a million callbacks in one instant of simulated time
    │   ├── QueueRefused      a transmit queue is full
    │   ├── ProgramError      the program of a foreign node died, or said what its protocol does not allow
    │   └── BrokenPromise     a node left the ball its trajectory promised to stay in
    └── RunError              the run itself cannot go on
        ├── NodeFailed            a node's own code raised, told to whoever drives the run
        ├── NondeterminismError   the same node sent something else the second time
        ├── ProtocolError         a peer on the bus said something the protocol does not allow
        └── JournalError          a journal or recording cannot be read

Each message says what was wrong, with the value, and what to do about it.
"""


class LightlagError(Exception):
    """Base of every error that lightlag raises on purpose."""


class GraphError(LightlagError):
    """The graph, an argument or a parameter is wrong; nothing was started."""


class NodeError(LightlagError):
    """A node's own code did what it may not."""


class MessageError(NodeError):
    """A message cannot be built, encoded or decoded."""


class NotInSimulation(NodeError, RuntimeError):
    """Something that is not there was asked of the virtual loop: a thread, a socket, a subprocess, another node."""


class StuckInstant(NodeError):
    """Callbacks kept scheduling callbacks and simulated time stood still."""


class QueueRefused(NodeError):
    """A full transmit queue refused a frame."""


class ProgramError(NodeError):
    """The program that runs a foreign node died, never answered, or said what its protocol does not allow."""


class BrokenPromise(NodeError):
    """A node was outside the ball that its trajectory promised to stay in."""


class RunError(LightlagError):
    """The run itself cannot go on."""


class NodeFailed(RunError):
    """A node's own code raised: its name, the simulated time, its traceback."""


class NondeterminismError(RunError):
    """A node that was run again with the same input sent something else."""


class ProtocolError(RunError):
    """A peer on the bus said something the protocol does not allow."""


class JournalError(RunError):
    """A journal or recording cannot be read."""
