"""Random examples in files that Diffeo reads, for its training needs data on disk."""

import array
import random

TRAIN, TEST = 2000, 64
CIFAR_RECORD = 3073  # a label and the bytes of an image


def overrides(case, folder):
    """Writes data of the case's shape; the settings that name them."""
    return _bytes(folder) if case.is_image else _points(case, folder)


def _bytes(folder):
    source = random.Random(0)
    for name, count in (("train.bin", TRAIN), ("test.bin", TEST)):
        records = bytearray(source.randbytes(count * CIFAR_RECORD))
        records[::CIFAR_RECORD] = bytes(i % 10 for i in range(count))
        (folder / name).write_bytes(records)
    return [f"data.path={folder}"]


def _points(case, folder):
    source, columns = random.Random(0), case.sizes["columns"]
    for name, count in (("train.npy", 10 * case.batch), ("test.npy", TEST)):
        numbers = array.array("f", (source.gauss(0, 1) for _ in range(count * columns)))
        (folder / name).write_bytes(_npy_header(count, columns) + numbers.tobytes())
    return [f"data.path={folder / 'train.npy'}", f"data.test={folder / 'test.npy'}"]


def _npy_header(rows, columns):
    """NumPy's format 1.0 of little-endian floats; the header ends at a multiple of 64 bytes."""
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}".encode()
    text += b" " * (-(10 + len(text) + 1) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text
