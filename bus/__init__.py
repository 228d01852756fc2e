"""The kernel: time, messages, the virtual loop, coordination, the journal, transports and recording.

Everything here is about *when* a message is received and *that* it is received the same way everywhere; nothing
here knows physics or spacecraft. A medium is a protocol of integers and opaque bytes.

General layout, lowest first (a module imports only those above it):

    errors, time              what may go wrong; integer nanoseconds of TDB and their edges
    message, emission         typed messages; the header, the bytes on the wire, receptions and losses
    medium, draw              channels, and who decides if and when an emission is received; chance, message by message
    digest, fingerprint       proofs that two runs, or two machines' arithmetic, are the same
    agenda, futures, loop     what is going to happen; what tasks wait for; one asyncio loop per node, in simulated time
    activation                what a host is to the kernel: activate(bound, emissions) -> Completion
    lookahead, past, lane,    the rule that lets hosts run ahead of each other, without I/O;
    coordinator, pace         what a killed host goes through again; the wall clock, for who wants it
    wire, journal             the protocol of hub and hosts; the log of accepted reports, which is the run
    shell, hub, memory,       transports: over ZeroMQ, and inside one process;
    outcome                   what a run came to
    stepping                  a hub that goes on as far as somebody lets it
    operator, tap, security   who asks and acts from outside; what is shown of a live run; who may speak
    schema, payload, part,    messages as JSON; what a host writes while it runs;
    mcap_file, recording      the MCAP file that is made of it

Imports from: nothing in lightlag. Imported by: everything.
"""

from .emission import Emission, Loss, Origin, Reception
from .errors import LightlagError
from .medium import Channel, Medium, Verdict, Wire
from .message import Message, message
from .time import NEVER_NS, NS_PER_S, Epoch

__all__ = [
    "NEVER_NS",
    "NS_PER_S",
    "Channel",
    "Emission",
    "Epoch",
    "LightlagError",
    "Loss",
    "Medium",
    "Message",
    "Origin",
    "Reception",
    "Verdict",
    "Wire",
    "message",
]
