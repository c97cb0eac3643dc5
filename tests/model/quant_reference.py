# SPDX-License-Identifier: MIT
"""Compares dequantised rows written by test_quant_gguf with PyPI's gguf, bit for bit.

The file holds, for each tensor type: type id, elements, bytes (u32 each), the bytes, the floats.
Exit code 0: all equal; 1: a difference (printed); 77: gguf or numpy are not installed."""
import struct
import sys

try:
    import numpy
    from gguf import GGMLQuantizationType
    from gguf.quants import dequantize
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)


def compare(type_id, blocks, ours):
    kind = GGMLQuantizationType(type_id)
    with numpy.errstate(all="ignore"):
        theirs = dequantize(numpy.frombuffer(blocks, numpy.uint8), kind)
    theirs = numpy.ascontiguousarray(theirs, numpy.float32).reshape(-1)
    if kind == GGMLQuantizationType.MXFP4:  # the program flushes denormal scales
        flushed = numpy.frombuffer(blocks, numpy.uint8).reshape(-1, 17)[:, 0] < 2
        theirs = numpy.where(numpy.repeat(flushed, 32), numpy.copysign(numpy.float32(0), theirs), theirs)
    both_nan = numpy.isnan(ours) & numpy.isnan(theirs)
    equal = (ours.view(numpy.uint32) == theirs.view(numpy.uint32)) | both_nan
    tiny = int(((theirs != 0) & (numpy.abs(theirs) < 2.0**-126)).sum())
    print(f"{kind.name}: {equal.sum()} of {equal.size} equal, {both_nan.sum()} of them NaN, "
          f"{tiny} denormal")
    if equal.all():
        return True
    i = int(numpy.argmin(equal))
    print(f"  first difference: element {i}, ours {ours[i]!r}, theirs {theirs[i]!r}")
    return False


def main(path):
    with open(path, "rb") as file:
        data = file.read()
    at, good, types = 0, True, 0
    while at < len(data):
        type_id, elements, size = struct.unpack_from("<III", data, at)
        at += 12
        blocks = data[at:at + size]
        at += size
        ours = numpy.frombuffer(data, numpy.float32, elements, at)
        at += 4 * elements
        good = compare(type_id, blocks, ours) and good
        types += 1
    print(f"{types} types")
    return 0 if good and types == 16 else 1


sys.exit(main(sys.argv[1]))
