#!/usr/bin/env python3
"""make.py: writes the first 1000 test images of Fashion-MNIST as a uint8 .npy file of shape (1000, 784).

Usage: make.py IMAGES OUTPUT, where IMAGES is the idx file t10k-images-idx3-ubyte.gz.
The result is the same, byte for byte, on every machine: see README.md.
"""
import gzip
import struct
import sys

IMAGE_COUNT = 1000
IDX_UNSIGNED_BYTE_3D = 0x00000803


def read_images(path):
    """Returns (pixels of one image, bytes of the first IMAGE_COUNT images, row by row)."""
    with gzip.open(path, "rb") as stream:
        magic, count, rows, columns = struct.unpack(">4I", stream.read(16))
        if magic != IDX_UNSIGNED_BYTE_3D or count < IMAGE_COUNT:
            sys.exit(f"make.py: {path}: not an idx file of at least {IMAGE_COUNT} uint8 images")
        size = rows * columns
        pixels = stream.read(IMAGE_COUNT * size)
    if len(pixels) != IMAGE_COUNT * size:
        sys.exit(f"make.py: {path}: the file ends too early")
    return size, pixels


def npy_header(shape):
    """The .npy header, version 1.0, of a uint8 array in C order; its length is a multiple of 64."""
    text = "{'descr': '|u1', 'fortran_order': False, 'shape': (%d, %d), }" % shape
    prefix = b"\x93NUMPY\x01\x00"
    padding = -(len(prefix) + 2 + len(text) + 1) % 64
    body = (text + " " * padding + "\n").encode("ascii")
    return prefix + struct.pack("<H", len(body)) + body


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: make.py IMAGES OUTPUT")
    size, pixels = read_images(sys.argv[1])
    with open(sys.argv[2], "wb") as stream:
        stream.write(npy_header((IMAGE_COUNT, size)) + pixels)


if __name__ == "__main__":
    main()
