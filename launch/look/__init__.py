"""Looking at runs, live or recorded, and at the machine that they run on; nothing of a run changes by it.

Here is what is found, as data and in words; what it looks like on a screen is ``command``'s, on a page ``report``'s.

    recorded    a recording, wherever it lies
    difference  where two recordings part
    rows        a recording as rows of a table
    heard       what is heard on the topics of a run, live or recorded
    logs        what nodes have noted, in the order of simulated time
    why         who waits for whom in a live run, and what is being computed
    runs        which runs there are on this machine, how far and at what cost; and the end of one
    health      whether this machine can run what is asked of it
"""
