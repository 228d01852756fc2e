"""Looking at a run, live or recorded; nothing of the run changes by it.

Here is what is found, as data and in words; what it looks like on a screen is ``command``'s, on a page ``report``'s.

    recorded    a recording, wherever it lies
    difference  where two recordings part
    heard       what is heard on the topics of a run, live or recorded
    why         who waits for whom in a live run, and what is being computed
"""
