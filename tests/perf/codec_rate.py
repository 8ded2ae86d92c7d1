"""codec_rate.py decode|encode FILE: python-subunit's rate on the packets that codec_rate made."""

import io
import sys
import time

from subunit.v2 import ByteStreamToStreamResult, StreamResultToBytes
from testtools import StreamResult


class Counting(StreamResult):
    count = 0

    def status(self, *args, **kwargs):
        self.count += 1


class Keeping(StreamResult):
    def __init__(self):
        super().__init__()
        self.calls = []

    def status(self, **fields):
        self.calls.append(fields)


def decode(stream, result):
    ByteStreamToStreamResult(io.BytesIO(stream)).run(result)


def main(task, path):
    with open(path, "rb") as file:
        stream = file.read()
    if task == "decode":
        result = Counting()
        start = time.process_time()
        decode(stream, result)
        seconds, count = time.process_time() - start, result.count
    else:
        kept = Keeping()
        decode(stream, kept)
        out = io.BytesIO()
        encoder = StreamResultToBytes(out)
        start = time.process_time()
        for fields in kept.calls:
            encoder.status(**fields)
        seconds, count = time.process_time() - start, len(kept.calls)
        if out.getvalue() != stream:
            sys.exit("encoding gave other bytes")
    print(round(count / seconds))


main(*sys.argv[1:])
