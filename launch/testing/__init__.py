"""Integration tests of a graph: a pytest plug-in, in which the test is a node named ``test`` with simulated time.

    plugin        the hooks and fixtures; pytest loads it where lightlag is installed, so it imports nothing heavy
    loop          the loop of a test: idle, it drives the run to what comes next
    asserting,    the run as a test has it: what it asserts of what has come, what it expects to come,
    under_test    and does to it
    expectation,  what a test expects of a reception, and what one lacks of that;
    pending       who waits for what
    goldens       golden files of tests
    searching     a test run again and again under faults
    telling,      what is said when a test fails; and what is added to it once the run is over
    disappointments

Imported by: pytest, and whoever writes tests.
"""
