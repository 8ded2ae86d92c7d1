"""A test suite that makes noise in every way that breaks a stream of test results.

    friendly   what every suite does: prints, children that print, a failure, a skip
    harsh      bytes that are no text, C stdio, floods, long lines
    forged     whole subunit packets on stdout: results of other tests, messages of the protocol
    between    output before, between and after tests: module and class fixtures
    huge       50 MB from one test
    many       a thousand tests that print and end at once

Run it as any unittest suite, for instance: python3 -m subunit.run noisy.friendly

Each test says with @makes what it writes, byte for byte, and how it ends; noisy.expected has the
table. Every test flushes what it wrote, so that the bytes leave the process while the test is in
progress; the one exception says so.
"""
