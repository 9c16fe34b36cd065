#!/usr/bin/env python3
"""embed.py: turns a kernel file into a C header.

    embed.py NAME.cl NAME.cl.h     defines  static const char NAME_cl[]  with the text of NAME.cl
"""
import pathlib
import sys


def embed(source: pathlib.Path, header: pathlib.Path) -> None:
    """Writes the header. Bytes instead of a string literal, whose length C11 limits to 4095."""
    data = source.read_text(encoding="ascii").encode() + b"\0"
    name = source.name.replace(".", "_")
    lines = [f"/* {header.name}: the text of {source.name}, made by embed.py. */",
             f"static const char {name}[] = {{"]
    for start in range(0, len(data), 20):
        lines.append("    " + ", ".join(str(byte) for byte in data[start:start + 20]) + ",")
    lines.append("};")
    header.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    embed(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
